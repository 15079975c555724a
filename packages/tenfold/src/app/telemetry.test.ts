import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { CATALOGUE } from '../alerts/index.ts'
import { contract, defineModule } from '../modules/index.ts'
import type { TraceRecord } from '../telemetry/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

describe('what an app tells of itself', () => {
  let running: TestApp
  const traces: TraceRecord[] = []
  /** What a partner was sent. */
  const headers: (string | undefined)[] = []
  const partner = createServer((request, response) => {
    headers.push(request.headers.traceparent as string | undefined)
    response.end('ok')
  })

  before(async () => {
    await new Promise<void>((resolve) => partner.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(partner.address() as { port: number }).port}/`
    running = await startTestApp(app({ name: 'told', modules: [moduleCalling(url)] }), {
      roles: ['web', 'worker', 'cron', 'console'],
      config: { alerts: { every: '1s' } },
      variables: { METRICS_PORT: '0' },
    })
    running.instance.telemetry.addSink({ onTrace: (trace) => void traces.push(trace) })
  })
  after(async () => {
    await running?.close()
    partner.close()
  })

  const named = (name: string): Promise<TraceRecord> => eventually(() => traces.find((trace) => trace.name === name))

  test('one trace goes from the request through the job and the event to a partner', async () => {
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
    const reply = await running.fetch('/orders', { method: 'POST', headers: { traceparent } })
    assert.equal(reply.status, 204)
    const [request, job, subscriber] = [
      await named('POST /orders'),
      await named('orders.charge'),
      await named('orders.on-placed'),
    ]
    for (const { traceId } of [request, job, subscriber]) assert.equal(traceId, TRACE)
    assert.equal(request.spans[0]!.parentId, 'b7ad6b7169203331')
    const inRequest = new Set(request.spans.map(({ spanId }) => spanId))
    for (const { spans } of [job, subscriber]) assert.ok(inRequest.has(spans[0]!.parentId!))
    assert.ok(job.spans.some(({ name, kind }) => name === 'charge the card' && kind === 'custom'))
    assert.match((await eventually(() => headers[0]))!, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
  })

  test('a cron begins a trace, and its jobs go on with it', async () => {
    await running.instance.crons.runNow('orders.nightly')
    const cron = await named('cron:orders.nightly')
    const job = await named('orders.tidy')
    assert.equal(job.traceId, cron.traceId)
    assert.notEqual(cron.traceId, TRACE)
  })

  test('promtool has nothing to say about all its metrics, on the console and beside it', async () => {
    const { telemetry, consoleUrl } = running.instance
    await eventually(() => telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.db.server.size'))
    const reply = await fetch(new URL('/metrics', consoleUrl))
    assert.equal(reply.status, 200)
    const text = await reply.text()
    assert.match(text, /^orders_placed_total\{country="DE"\} 1$/m)
    assert.equal(await promtool(text), '')
    assert.equal((await running.fetch('/metrics')).status, 404, 'not where everybody can ask')
  })

  test('the catalogue of the exported rules agrees with what is measured', () => {
    const measured = new Map(running.instance.telemetry.metrics.snapshot().map((point) => [point.name, point]))
    const seen = Object.entries(CATALOGUE).filter(([name]) => measured.has(name))
    assert.ok(seen.length >= 12, seen.map(([name]) => name).join())
    for (const [name, known] of seen) {
      const { kind, unit } = measured.get(name)!
      assert.deepEqual({ kind, unit }, known, name)
    }
  })
})

function moduleCalling(url: string) {
  const events = contract('orders', {}, { placed: z.object({ id: z.number() }) })
  const m = defineModule('orders')
  const placed = m.event(events.events.placed)
  const count = m.metric('placed', { kind: 'counter', help: 'Orders.', dimensions: ['country'] })
  const charge = m.job('charge', {
    input: z.object({ id: z.number() }),
    run: ({ span }) => span('charge the card', { attempt: 1 }, async () => (await fetch(url)).text()),
  })
  const tidy = m.job('tidy', { input: z.object({}), run: async () => {} })
  const nightly = m.cron('nightly', '0 3 1 1 *', { run: () => tidy.enqueue({}) })
  const listen = m.on(events.events.placed, 'on-placed', { run: async () => {} })
  const order = m.route('POST /orders', {
    auth: 'public',
    status: 204,
    handler: ({ db }) =>
      db.transaction(async (tx) => {
        await charge.enqueue({ id: 1 }, { tx })
        await placed.publish({ id: 1 }, { tx })
        count.record(1, { country: 'DE' })
      }),
  })
  return m.build({ parts: [placed, count, charge, tidy, nightly, listen, order] })
}

function promtool(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('promtool', ['check', 'metrics'])
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0 ? said.trim() : `${said.trim()} (exit ${code})`))
    child.stdin.end(text)
  })
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const seen = look()
    if (seen !== undefined) return seen
    if (Date.now() > deadline) throw new Error('not seen within half a minute')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createTelemetry, type LogRecord, type TraceRecord } from '../telemetry/index.ts'
import { openOutbound, slowCallWords, type SlowCall } from './index.ts'

test('a request that waits long for another service is a finding with host, share and line; a job is not', async (t) => {
  const server = createServer((request, response) => {
    setTimeout(() => response.end('x'), request.url?.startsWith('/slow') ? 220 : 0)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const telemetry = createTelemetry({ service: 'test', env: 'development', destination: { write() {} } })
  const outbound = openOutbound({ telemetry })
  t.after(() => outbound.close())
  const traces: TraceRecord[] = []
  const logs: LogRecord[] = []
  telemetry.addSink({ onTrace: (trace) => void traces.push(trace), onLog: (log) => void logs.push(log) })
  const client = outbound.client({ name: 'partner', baseUrl: `http://${host}` })

  await telemetry.root({ kind: 'request', name: 'POST /orders', module: 'orders' }, async () => {
    await client.get('/quick')
    await Promise.all([
      client.post('/slow/:id', { params: { id: 1 } }),
      client.post('/slow/:id', { params: { id: 2 } }),
    ])
  })
  await telemetry.root({ kind: 'request', name: 'GET /x' }, () => client.get('/quick'))
  await telemetry.root({ kind: 'request', name: 'GET /long' }, async () => {
    await fetch(`http://${host}/slow`)
    await new Promise((resolve) => setTimeout(resolve, 700))
  })
  await telemetry.root({ kind: 'job', name: 'orders.charge' }, () => client.post('/slow'))
  server.close()

  assert.deepEqual(
    traces.map(({ findings }) => findings?.length ?? 0),
    [1, 0, 0, 0],
  )
  const found = traces[0]!.findings![0] as SlowCall
  assert.equal(found.query, `POST ${host}/slow/:id`)
  assert.deepEqual([found.host, found.module, found.origin.name, found.times], [host, 'orders', 'POST /orders', 2])
  assert.match(found.callSite?.file ?? '', /slow\.test\.ts$/)
  assert.ok(found.share > 0.3 && found.share <= 1)
  assert.ok(found.waitedMs >= 200 && found.waitedMs < traces[0]!.durationUs / 1000 + 1, 'equal times are counted once')
  assert.match(slowCallWords(found).fix, /m\.job/)
  assert.match(slowCallWords({ ...found, writes: false }).fix, /m\.cache/)
  const told = logs.filter(({ fields }) => fields['finding'] === 'slow-call')
  assert.match(told[0]!.message, /^Slow call in the request path: POST \/orders waits for 127\.0\.0\.1/)
  await telemetry.close()
})

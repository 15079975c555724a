import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { app, defineModule } from '../index.ts'
import { OutboundBusy, type SlowCall } from '../outbound/index.ts'
import type { Finding } from '../telemetry/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'

const m = defineModule('shop', { settings: z.object({ PARTNER_URL: z.url() }) })

const partner = m.client('partner', ({ PARTNER_URL }) => ({
  baseUrl: PARTNER_URL,
  atOnce: 5,
  waiting: 5,
  retries: 0,
  circuit: false,
}))

const quick = m.route('GET /quick', { auth: 'public', reply: z.string(), handler: async () => 'quick' })
const slow = m.route('POST /slow/:id', {
  auth: 'public',
  reply: z.string(),
  async handler({ params }) {
    await partner.post('/orders/:id', { params })
    return 'slow'
  },
})
const shop = app({ name: 'slowshop', modules: [m.build({ parts: [partner, quick, slow] })] })

const held: ServerResponse[] = []
const behaviour = { hold: false }
const provider = createServer((_request, response) => {
  if (behaviour.hold) held.push(response)
  else setTimeout(() => response.end('done'), 300)
})
let running: TestApp

before(async () => {
  provider.listen(0, '127.0.0.1')
  await once(provider, 'listening')
  const PARTNER_URL = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  running = await startTestApp(shop, { roles: ['web'], variables: { PARTNER_URL } })
})
after(async () => {
  provider.closeAllConnections()
  provider.close()
  await running.close()
})

test('a slow call in the request path is found with its route, host, share and line', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly Finding[] | undefined>()
  const remove = running.instance.telemetry.addSink({ onTrace: ({ findings }) => resolve(findings) })
  assert.equal((await running.fetch('/slow/7', { method: 'POST' })).status, 200)
  const found = (await promise)?.[0] as SlowCall
  remove()
  assert.equal(found.code, 'slow-call')
  assert.equal(found.origin.name, 'POST /slow/:id')
  assert.match(found.query, /^POST 127\.0\.0\.1:\d+\/orders\/:id$/)
  assert.match(found.callSite?.file ?? '', /outbound\.test\.ts$/)
  assert.ok(found.waitedMs >= 290 && found.share > 0.3)
})

test('a partner that hangs takes its places only: the app answers the rest, and says no at once to what is too much', async () => {
  behaviour.hold = true
  const codes: string[] = []
  const hanging = Array.from({ length: 100 }, async () => {
    const reply = await running.fetch('/slow/7', { method: 'POST' })
    if (reply.status !== 200) codes.push(((await reply.json()) as { code: string }).code)
    return reply.status
  })
  const answers = await Promise.all(Array.from({ length: 50 }, () => running.fetch('/quick')))
  assert.ok(answers.every(({ status }) => status === 200))
  // Five run and five wait; nobody else is kept waiting with them.
  await until(() => codes.length === 90 && held.length === 5)
  assert.ok(codes.every((code) => code === OutboundBusy.code))
  behaviour.hold = false
  for (const response of held) response.end('late')
  const statuses = await Promise.all(hanging)
  assert.equal(statuses.filter((status) => status === 200).length, 10)
})

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 25_000
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(holds(), 'this did not happen within 25 s')
}

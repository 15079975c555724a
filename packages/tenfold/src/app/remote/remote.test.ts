import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { defineError, systemClock, TenfoldError } from '../../kernel/index.ts'
import { openOutbound } from '../../outbound/index.ts'
import { createTelemetry, type LogRecord, type TraceRecord } from '../../telemetry/index.ts'
import { contract, defineModule } from '../../modules/index.ts'
import { startTestApp, type TestApp } from '../../testing.ts'
import { app, CallInvalid } from '../index.ts'
import { createRemote, createSignatures, RemoteAway, RemoteClock, RemoteUntrusted } from './index.ts'
import { CALL_HEADER } from './signature.ts'

const TooMuch = defineError('TEST_TOO_MUCH', {
  status: 409,
  says: (e: { cents: number }) => `${e.cents} is too much.`,
  fix: 'Charge less.',
})

const Charge = z.object({ cents: z.coerce.number().int().positive() })
const billing = contract('billing', {
  charge: { input: Charge, output: z.object({ at: z.coerce.date(), cents: z.number() }) },
  quote: { input: z.number(), output: z.string(), batch: true, idempotent: true },
  fail: { input: z.string(), output: z.undefined() },
  wrong: { input: z.undefined(), output: z.string() },
  hang: { input: z.undefined(), output: z.undefined() },
  once: { input: z.undefined(), output: z.number() },
  often: { input: z.undefined(), output: z.number(), idempotent: true },
})

const ran = {
  batches: [] as number[][],
  once: 0,
  often: 0,
  charges: 0,
  hung: Promise.withResolvers<unknown>(),
  msLeft: 0,
}
const b = defineModule('billing')
const code = b.implement(billing, {
  async charge({ input: { cents } }) {
    ran.charges++
    if (cents > 1000) throw TooMuch({ cents })
    return { at: new Date(0), cents }
  },
  async quote({ inputs }) {
    ran.batches.push(inputs)
    return inputs.map((n) => `quote ${n}`)
  },
  async fail({ input }) {
    throw new RangeError(input)
  },
  wrong: async () => 7 as never,
  hang: ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        ran.hung.resolve(signal.reason)
        reject(signal.reason as Error)
      })
    }),
  once: async () => ++ran.once,
  often: async () => ++ran.often,
})
const m = defineModule('shop', { uses: { billing } })
const buy = m.route('POST /buy', {
  auth: 'public',
  body: Charge,
  reply: z.object({ cents: z.number(), year: z.number() }),
  async handler({ body, call }) {
    const { at, cents } = await call.billing.charge(body)
    return { cents, year: at.getUTCFullYear() }
  },
})
const wait = m.route('POST /wait', {
  auth: 'public',
  timeout: 300,
  handler: ({ call }) => call.billing.hang(undefined),
})
const quotes = m.route('GET /quotes', {
  auth: 'public',
  reply: z.array(z.string()),
  handler: ({ call }) => call.billing.quote.many([1, 2, 3]),
})
const tries = m.route('POST /tries/:method', {
  auth: 'public',
  reply: z.number(),
  handler: ({ call, params: { method } }) => call.billing[method as 'once' | 'often'](undefined),
})
const odd = m.route('POST /odd/:method', {
  auth: 'public',
  handler: async ({ call, params: { method } }) =>
    void (await (method === 'fail' ? call.billing.fail('out of range') : call.billing.wrong(undefined))),
})
const shop = app({
  name: 'parted',
  modules: [b.build({ parts: [code] }), m.build({ parts: [buy, wait, quotes, tries, odd] })],
})

let whole: TestApp
let parted: TestApp
/** Of the process that serves billing. */
let served: string

before(async () => {
  whole = await startTestApp(shop, { roles: ['web'], split: [] })
  parted = await startTestApp(shop, { roles: ['web'], split: ['billing'] })
  served = parted.instances[1]!.url!
})
after(async () => {
  await whole.close()
  await parted.close()
})

const post = (running: TestApp, path: string, body?: unknown): Promise<Response> =>
  running.fetch(path, {
    method: 'POST',
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })

test('a module on another host gives the same values and the same errors as in the same process', async () => {
  for (const running of [whole, parted]) {
    assert.deepEqual(await (await post(running, '/buy', { cents: '7' })).json(), { cents: 7, year: 1970 })
    const refused = await post(running, '/buy', { cents: 5000 })
    const { code: told, detail, fix } = (await refused.json()) as Record<string, string>
    assert.deepEqual([refused.status, told, detail, fix], [409, TooMuch.code, '5000 is too much.', 'Charge less.'])
    const failed = await post(running, '/odd/fail')
    assert.deepEqual([failed.status, ((await failed.json()) as { code: string }).code], [500, 'TF_INTERNAL'])
    const invalid = (await (await post(running, '/odd/wrong')).json()) as { code: string; detail: string }
    assert.equal(invalid.code, CallInvalid.code)
    assert.match(invalid.detail, /^The output of billing\.wrong does not fit/)
  }
})

test('inputs of one tick go over in one call', async () => {
  ran.batches = []
  assert.deepEqual(await (await parted.fetch('/quotes')).json(), ['quote 1', 'quote 2', 'quote 3'])
  assert.deepEqual(ran.batches, [[1, 2, 3]])
})

test('both hosts add to one trace', async () => {
  const traces: TraceRecord[] = []
  const removes = parted.instances.map(({ telemetry }) =>
    telemetry.addSink({ onTrace: (trace) => void traces.push(trace) }),
  )
  await post(parted, '/buy', { cents: 1 })
  const deadline = Date.now() + 10_000
  while (traces.length < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
  for (const remove of removes) remove()
  const [callee, caller] = ['call billing.charge', 'POST /buy'].map((name) => traces.find((one) => one.name === name)!)
  assert.equal(callee!.traceId, caller!.traceId)
  const sent = caller!.spans.find(({ kind }) => kind === 'outgoing')!
  assert.equal(callee!.spans[0]!.parentId, sent.spanId)
  const call = caller!.spans.find(({ kind }) => kind === 'call')!
  assert.equal(sent.parentId, call.spanId)
  assert.ok((call.attributes['tenfold.call.bytes'] as number) > 10)
  assert.equal(caller!.findings, undefined)
})

test('the deadline of a request ends what it has asked for elsewhere', async () => {
  const answer = await post(parted, '/wait')
  assert.ok(answer.status === 503 || answer.status === 504)
  assert.ok(await ran.hung.promise)
})

test('nothing is run for who has no signature, another one, one for another call, or an old one', async () => {
  const before = ran.charges
  const body = JSON.stringify({ caller: 'shop', inputs: [{ input: { cents: 1 } }] })
  const knock = async (header?: string, sent = body, call = 'billing.charge') => {
    const headers = { 'content-type': 'application/json', ...(header && { [CALL_HEADER]: header }) }
    const answer = await fetch(`${served}/_tenfold/calls/${call}`, { method: 'POST', body: sent, headers })
    return ((await answer.json()) as { code?: string; clockMs?: number }).code ?? answer.status
  }
  const ours = createSignatures([parted.instance.environment.secretKey!], 'parted')
  const others = createSignatures(['another key of at least 32 characters'], 'parted')
  assert.equal(await knock(), 'TF_CALL_UNSIGNED')
  assert.equal(await knock('nonsense'), 'TF_CALL_UNSIGNED')
  assert.equal(await knock(others.sign('billing.charge', body, Date.now()).header), 'TF_CALL_UNSIGNED')
  assert.equal(await knock(ours.sign('billing.quote', body, Date.now()).header), 'TF_CALL_UNSIGNED')
  assert.equal(await knock(ours.sign('billing.charge', body, Date.now()).header, `${body} `), 'TF_CALL_MALFORMED')
  assert.equal(await knock(ours.sign('billing.charge', body, Date.now() - 60_000).header), 200, 'only the time is told')
  assert.equal(ran.charges, before)
  const { header } = ours.sign('billing.charge', body, Date.now())
  assert.equal(await knock(header), 200)
  assert.equal(await knock(header), 'TF_CALL_REPLAYED')
  assert.equal(ran.charges, before + 1)
  assert.equal(
    (await whole.fetch('/_tenfold/calls/billing.charge', { method: 'POST' })).status,
    404,
    'an app in one piece takes none',
  )
  const described = await (await fetch(`${served}/openapi.json`)).text()
  assert.ok(!described.includes('_tenfold'))
})

interface Asking {
  key?: string
  skewMs?: number
  url?: string
}

/** A call that is not made by an app. */
async function ask(name: string, { key, skewMs = 0, url = served }: Asking = {}) {
  const telemetry = createTelemetry({ service: 'test', env: 'test', destination: { write() {} } })
  const logs: LogRecord[] = []
  telemetry.addSink({ onLog: (log) => void logs.push(log) })
  const outbound = openOutbound({ telemetry })
  const remote = createRemote('billing', url, {
    outbound,
    telemetry,
    clock: { ...systemClock, now: () => Date.now() + skewMs },
    signatures: createSignatures([key ?? parted.instance.environment.secretKey!], 'parted'),
    positions: undefined,
  })
  const { signal } = new AbortController()
  try {
    const asking = { name, caller: 'shop', idempotent: false, inputs: [{ cents: 3 }], signal }
    const outcomes = await remote.ask(asking)
    return { outcome: outcomes[0]!, again: await remote.ask(asking), logs }
  } finally {
    await outbound.close()
    await telemetry.close()
  }
}

test('another key, another program, another release and another module are told apart', async () => {
  await assert.rejects(ask('billing.charge', { key: 'another key of at least 32 characters' }), (error) => {
    assert.ok(RemoteUntrusted.is(error))
    assert.match(error.message, /refuses our signature/)
    return true
  })
  await assert.rejects(ask('billing.charge', { url: whole.url }), /was not started with --modules/)
  const codeOf = async (name: string): Promise<unknown> => {
    const { outcome } = await ask(name)
    return 'error' in outcome ? [outcome.error.code, outcome.error.message] : outcome
  }
  assert.deepEqual(await codeOf('billing.gift'), [
    'TF_REMOTE_RELEASE',
    'The process that serves billing.gift does not know it: it runs release 0.0.0.',
  ])
  assert.deepEqual(await codeOf('shop.buy'), [
    'TF_REMOTE_ELSEWHERE',
    'shop.buy was sent to a process that does not serve it; it serves billing.',
  ])
})

test('a clock that is an hour late or early costs one refusal and a warning', async () => {
  for (const skewMs of [3_600_000, -3_600_000]) {
    const { outcome, again, logs } = await ask('billing.charge', { skewMs })
    assert.deepEqual(outcome, { output: { at: '1970-01-01T00:00:00.000Z', cents: 3 } })
    assert.ok('output' in again[0]!)
    const warnings = logs.filter(({ level }) => level === 'warn')
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!.message, /clock of another host differs/)
  }
  assert.match(RemoteClock({ call: 'x', seconds: 3600 }).message, /differ by 3600 s/)
})

/** Forwards connections; `break` cuts each once its request has been answered, before the answer has passed. */
async function breaking(to: string): Promise<{ url: string; cut: number; close(): void }> {
  const { port } = new URL(to)
  const state = { cut: 1 }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const other = connect(Number(port), '127.0.0.1')
    sockets.add(socket).add(other)
    for (const one of [socket, other]) one.on('error', () => {}).on('close', () => (socket.destroy(), other.destroy()))
    socket.pipe(other)
    other.on('data', (data) => {
      if (state.cut-- > 0) return void socket.destroy()
      socket.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return Object.assign(state, { url, close })
}

test('a lost answer is asked for again where the contract says that this is safe, and only there', async (t) => {
  const wire = await breaking(served)
  t.after(() => wire.close())
  const { databaseUrl, databaseDirectUrl, secretKey } = parted.instance.environment
  const rest = await shop.start({
    roles: ['web'],
    modules: ['shop'],
    variables: {
      NODE_ENV: 'test',
      DATABASE_URL: databaseUrl,
      DATABASE_DIRECT_URL: databaseDirectUrl,
      SECRET_KEY: secretKey,
      REMOTE_BILLING_URL: wire.url,
      PORT: '0',
      LOG_LEVEL: 'silent',
    },
  })
  t.after(() => rest.stop())
  const reach = async (method: string): Promise<unknown[]> => {
    const answer = await fetch(`${rest.url}/tries/${method}`, { method: 'POST' })
    return [answer.status, await answer.json()]
  }
  ran.often = ran.once = 0
  assert.deepEqual(await reach('often'), [200, 2])
  wire.cut = 1
  const [status, problem] = await reach('once')
  assert.deepEqual([status, (problem as { code: string }).code, ran.once], [503, RemoteAway.code, 1])
  assert.deepEqual(await reach('once'), [200, 2])
  wire.close()
  const [, away] = await reach('often')
  assert.equal((away as { code: string }).code, RemoteAway.code)
  assert.equal((await fetch(`${rest.url}/health/ready`)).status, 200, 'the rest goes on')
})

test('an address that cannot be one is refused at the start; a module that is served here has no other place', async () => {
  const { databaseUrl, databaseDirectUrl, secretKey } = parted.instance.environment
  const variables = {
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
    DATABASE_DIRECT_URL: databaseDirectUrl,
    SECRET_KEY: secretKey,
    LOG_LEVEL: 'silent',
  }
  for (const wrong of ['billing:3000', 'ftp://billing', 'http://user:secret@billing', 'http://billing/?x=1']) {
    const started = shop.start({ roles: [], variables: { ...variables, REMOTE_BILLING_URL: wrong } })
    await assert.rejects(started, (error) => error instanceof TenfoldError && /REMOTE_BILLING_URL/.test(error.message))
  }
  const own = await shop.start({
    roles: [],
    modules: ['billing'],
    variables: { ...variables, REMOTE_BILLING_URL: 'http://127.0.0.1:1', REMOTE_SHOP_URL: 'http://127.0.0.1:1' },
  })
  assert.deepEqual(
    own.bindings.filter(({ part }) => part.startsWith('module')).map(({ part, bound }) => [part, bound]),
    [['module shop', 'http://127.0.0.1:1']],
  )
  await own.stop()
})

import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createGuard } from './addresses.ts'
import {
  all,
  openOutbound,
  OutboundBusy,
  OutboundDeadline,
  OutboundFailed,
  OutboundInvalid,
  OutboundOpen,
  OutboundPrivate,
  OutboundRedirects,
  OutboundSetting,
  OutboundStatus,
  OutboundTimeout,
  OutboundTooLarge,
  OutboundUrl,
  setWanted,
  type Client,
  type ClientSettings,
} from './index.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

interface Partner {
  url: string
  port: number
  client: Client
  telemetry: Telemetry
  /** `GET /path` of all that came. */
  seen: string[]
  server: Server
}

/** A server that answers as told, and a client of it. */
async function partner(t: TestContext, answer: Answer, settings: ClientSettings = {}): Promise<Partner> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const outbound = openOutbound({ telemetry })
  t.after(async () => {
    await outbound.close()
    await telemetry.close()
    server.closeAllConnections()
    server.close()
  })
  const base = 'baseUrl' in settings ? {} : { baseUrl: url }
  const quick = { backoff: { base: 1, max: 5 } } as const
  return {
    url,
    port,
    server,
    seen,
    telemetry,
    client: outbound.client({ name: 'partner', ...base, ...quick, ...settings }),
  }
}

const json = (response: ServerResponse, value: unknown, status = 200, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

test('a reply is checked against its schema, and parameters are put into the path', async (t) => {
  const { client, seen } = await partner(t, (request, response) => {
    json(response, { method: request.method, key: request.headers['idempotency-key'], secret: 1 })
  })
  const reply = z.object({ method: z.string(), key: z.string().optional() })
  const params = { token: 'a/b c' }
  assert.deepEqual(await client.get('/cards/:token', { params, query: { full: true, tag: ['x', 'y'] }, reply }), {
    method: 'GET',
  })
  assert.deepEqual(await client.post('/charges', { body: { amount: 1 }, idempotencyKey: 'k1', reply }), {
    method: 'POST',
    key: 'k1',
  })
  assert.deepEqual(seen, ['GET /cards/a%2Fb%20c?full=true&tag=x&tag=y', 'POST /charges'])
  await assert.rejects(client.get('/x', { reply: z.object({ method: z.number() }) }), OutboundInvalid.is)
  const raw = await client.get('/x')
  assert.equal(raw.status, 200)
  assert.equal(raw.attempts, 1)
})

test('a status from 400 on is an error with the beginning of the answer, where a value was asked for', async (t) => {
  const { client } = await partner(t, (_request, response) => json(response, { problem: 'no such card' }, 404))
  const error = await client.get('/cards/1', { reply: z.object({}) }).catch((e: unknown) => e)
  assert.ok(OutboundStatus.is(error))
  assert.match(error.message, /GET 127\.0\.0\.1:\d+\/cards\/:id \(partner\) answered 404: .*no such card/)
  const reply = await client.request('get', '/cards/1')
  assert.equal(reply.status, 404)
  assert.throws(() => reply.raiseForStatus(), OutboundStatus.is)
})

test('what is not JSON is an error that says what came', async (t) => {
  const { client } = await partner(t, (_request, response) => response.end('<html>'))
  await assert.rejects(client.get('/', { reply: z.unknown() }), /not JSON \(without a content-type, 6 bytes\)/)
})

test('nothing in a path or a parameter leads out of the base', async (t) => {
  const whole = await partner(t, (_request, response) => response.end())
  const { client, seen } = await partner(t, (_request, response) => response.end(), { baseUrl: `${whole.url}/v1` })
  for (const path of ['/../admin', '/%2e%2e/admin', '/a/../../admin', '@evil.example/', '.evil.example/', 'x'])
    await assert.rejects(client.get(path), OutboundUrl.is, path)
  for (const id of ['..', '.', ''])
    await assert.rejects(client.get('/users/:id', { params: { id } }), OutboundUrl.is, id)
  await assert.rejects(client.get('/users/:id'), /asks for 'id'/)
  await client.get('//evil.example/x')
  assert.deepEqual([seen, whole.seen], [[], ['GET /v1//evil.example/x']])
})

test('what is safe is repeated until it goes well; what is not is sent once', async (t) => {
  const counts = new Map<string, number>()
  const { client } = await partner(t, (request, response) => {
    const times = (counts.get(request.url!) ?? 0) + 1
    counts.set(request.url!, times)
    json(response, { times }, times < 3 ? 503 : 200)
  })
  assert.equal((await client.get('/get')).attempts, 3)
  assert.equal((await client.post('/keyed', { idempotencyKey: 'k' })).attempts, 3)
  assert.equal((await client.post('/said', { idempotent: true })).status, 200)
  assert.equal((await client.post('/plain')).status, 503)
  assert.equal(counts.get('/plain'), 1)
})

test('a connection that is reset is an error, repeated only where that is safe', async (t) => {
  const sockets = { count: 0 }
  const { client } = await partner(t, (request) => {
    sockets.count++
    request.socket.destroy()
  })
  await assert.rejects(client.post('/x'), (error) => OutboundFailed.is(error) && error.details.attempts === 1)
  assert.equal(sockets.count, 1)
  await assert.rejects(client.get('/x'), (error) => OutboundFailed.is(error) && error.details.attempts === 3)
  assert.equal(sockets.count, 4)
})

test('what never reached the other side is repeated even if it is not idempotent', async (t) => {
  const { client, server, telemetry } = await partner(t, (_request, response) => response.end('done'))
  server.close()
  await once(server, 'close')
  await assert.rejects(client.post('/x'), (error) => OutboundFailed.is(error) && error.details.attempts === 3)
  const repeated = telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.client.repeated')
  assert.equal(repeated?.value, 2)
})

test('retry-after is kept to, and not waited for beyond the deadline', async (t) => {
  const { client, seen } = await partner(t, (_request, response) => json(response, {}, 503, { 'retry-after': '60' }))
  const reply = await client.get('/x', { deadline: '5s' })
  assert.equal(reply.status, 503)
  assert.equal(seen.length, 1)
})

test('repetitions are bounded by a budget, however many calls fail', async (t) => {
  const { client, seen } = await partner(t, (_request, response) => json(response, {}, 503), { circuit: false })
  await all(Array(100).keys(), () => client.get('/x'), { atOnce: 20 })
  assert.ok(seen.length <= 100 + 10 + 10, `${seen.length} requests for 100 calls`)
})

test('each phase has its time: headers, body, the whole', async (t) => {
  const { client } = await partner(
    t,
    (request, response) => {
      if (request.url === '/slow-body') response.write('{')
      if (request.url === '/drip') {
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      }
    },
    { timeout: 100, bodyTimeout: 100, retries: 0, circuit: false },
  )
  await assert.rejects(client.get('/slow-headers'), (e) => OutboundTimeout.is(e) && e.details.phase === 'headers')
  await assert.rejects(client.get('/slow-body'), (e) => OutboundTimeout.is(e) && e.details.phase === 'body')
  await assert.rejects(
    client.get('/drip', { deadline: 300 }),
    (e) => OutboundDeadline.is(e) && e.details.whose === 'call',
  )
})

test('a connection that does not come about ends with its own time-out, the handshake included', async (t) => {
  const mute = createTcpServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.after(() => mute.close())
  const baseUrl = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const { client } = await partner(t, () => {}, { baseUrl, connectTimeout: 100, retries: 0 })
  await assert.rejects(client.get('/'), (e) => OutboundTimeout.is(e) && e.details.phase === 'connection')
})

test('a call has no more time than the request that makes it, and ends with it', async (t) => {
  const { client, telemetry } = await partner(t, () => {})
  await telemetry.root({ kind: 'request', name: 'GET /x' }, async (context) => {
    setWanted(context, { signal: new AbortController().signal, msLeft: () => 150 })
    await assert.rejects(client.get('/'), (e) => OutboundDeadline.is(e) && e.details.whose === 'caller')
    const gone = new AbortController()
    setWanted(context, { signal: gone.signal, msLeft: () => Infinity })
    const call = client.get('/')
    gone.abort(new Error('the client has gone'))
    await assert.rejects(call, /the client has gone/)
  })
  const own = new AbortController()
  const call = client.get('/', { signal: own.signal })
  own.abort(new Error('never mind'))
  await assert.rejects(call, /never mind/)
})

test('a reply larger than its limit is not read, whether or not it says so beforehand', async (t) => {
  const { client } = await partner(
    t,
    (request, response) => {
      if (request.url === '/said') response.writeHead(200, { 'content-length': 50_000_000 })
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', write)
      write()
    },
    { maxBytes: 100_000 },
  )
  await assert.rejects(client.get('/said'), OutboundTooLarge.is)
  await assert.rejects(client.get('/unsaid'), OutboundTooLarge.is)
})

test('a host that fails most calls is left alone, tried again, and asked again once it answers', async (t) => {
  const health = { ok: false }
  const { client, seen, telemetry } = await partner(
    t,
    (_request, response) => json(response, {}, health.ok ? 200 : 500),
    {
      retries: 0,
      circuit: { least: 5, pause: 200 },
    },
  )
  for (let i = 0; i < 5; i++) await client.get('/x')
  await assert.rejects(client.get('/x'), OutboundOpen.is)
  assert.equal(seen.length, 5)
  const state = (): number | undefined =>
    telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.client.circuit')?.value
  assert.equal(state(), 1)
  health.ok = true
  const deadline = Date.now() + 10_000
  while (state() !== 0 && Date.now() < deadline) {
    await client.get('/x').catch((error: unknown) => assert.ok(OutboundOpen.is(error)))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal((await client.get('/x')).status, 200)
  assert.equal(state(), 0)
})

test('one slow partner takes its own places only: others are asked as before, and what is too much fails at once', async (t) => {
  const open: ServerResponse[] = []
  const slow = await partner(t, (_request, response) => void open.push(response), { atOnce: 5, waiting: 5, retries: 0 })
  const quick = await partner(t, (_request, response) => response.end('ok'))
  const hanging = Array.from({ length: 200 }, () => slow.client.get('/x').catch((error: unknown) => error))
  const refused = await Promise.race([Promise.all(hanging.slice(10)), quickly(quick.client)])
  assert.ok(Array.isArray(refused) && refused.every((error) => OutboundBusy.is(error)))
  assert.equal(await quickly(quick.client), 'answered')
  while (open.length < 5) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(slow.seen.length, 5)
  // Those that wait get their turn.
  while (slow.seen.length < 10) {
    open.pop()?.end('late')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  for (const response of open) response.end('late')
  const late = await Promise.all(hanging.slice(0, 10))
  assert.ok(late.every((reply) => !(reply instanceof Error)))
})

async function quickly(client: Client): Promise<string> {
  await all(Array(50).keys(), () => client.get('/x'), { atOnce: 10 })
  return 'answered'
}

test('a hedged call is answered by the sooner of two', async (t) => {
  const counts = { all: 0 }
  const { client } = await partner(t, (_request, response) => {
    if (++counts.all === 1) return // the first one hangs
    response.end('second')
  })
  const reply = await client.get('/x', { hedge: 50 })
  assert.equal(reply.text(), 'second')
  assert.equal(counts.all, 2)
  counts.all = 1
  assert.equal((await client.get('/x', { hedge: 5000 })).text(), 'second')
  assert.equal(counts.all, 2, 'who answers soon is asked once')
})

test('without a base, only public addresses are reached: as literals, by name, and after a redirect', async (t) => {
  const local = await partner(t, (_request, response) => response.end('secret'))
  const { client } = await partner(t, () => {}, { baseUrl: undefined as never, redirects: 3 })
  const port = local.port
  for (const host of [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '169.254.169.254',
    '10.0.0.1',
    '2130706433',
    '0x7f.1',
    '017700000001',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[64:ff9b::7f00:1]',
    'metadata.google.internal',
  ])
    // prettier-ignore
    await assert.rejects(client.get(`http://${host}:${port}/`), OutboundPrivate.is, host)
  for (const url of ['file:///etc/passwd', 'ftp://example.com/', 'http://user:pass@example.com/', 'nonsense', '/path'])
    await assert.rejects(client.get(url), OutboundUrl.is, url)
  assert.deepEqual(local.seen, [])
})

test('a name that leads to a private address is refused when it is resolved, and its socket gets what was checked', async (t) => {
  const guard = createGuard(false)!
  const looked = (host: string, all: boolean): Promise<unknown> =>
    new Promise((resolve) => guard.lookup(host, { all }, (error, address) => resolve(error ?? address)))
  assert.ok(OutboundPrivate.is(await looked('localhost', true)))
  assert.ok(OutboundPrivate.is(await looked('localhost', false)))
  assert.equal(await looked('192.0.43.8', false), '192.0.43.8')
  const own = await lookup(hostname()).catch(() => undefined)
  if (!own || !OutboundPrivate.is(await looked(hostname(), true)))
    return t.diagnostic('this host has no private address')
  const { client } = await partner(t, () => {}, { baseUrl: undefined as never })
  await assert.rejects(client.get(`http://${hostname()}:1/`), OutboundPrivate.is)
})

test('a name that was public when somebody looked and is private when it is called reaches nothing', async (t) => {
  const local = await partner(t, (_request, response) => response.end('secret'))
  const answers = [['192.0.43.8'], ['127.0.0.1'], ['192.0.43.8', '127.0.0.1'], ['::ffff:127.0.0.1'], ['fd00::1']]
  const asked: string[] = []
  const outbound = openOutbound({
    telemetry: createTelemetry({ service: 'x', env: 'test', level: 'silent' }),
    resolve(host, _options, done) {
      asked.push(host)
      const addresses = answers[Math.min(asked.length, answers.length - 1)]!
      done(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) // prettier-ignore
    },
  })
  const client = outbound.client({ name: 'hooks', retries: 0 })
  for (let times = 0; times < 4; times++)
    await assert.rejects(client.post(`http://rebind.example:${local.port}/`), OutboundPrivate.is)
  assert.deepEqual(
    asked,
    Array(4).fill('rebind.example'),
    'it is resolved for each connection, and that answer is checked',
  )
  assert.deepEqual(local.seen, [])
  await outbound.close()
})

test('a body that may be cut off ends at its limit, and does not fail', async (t) => {
  const { client } = await partner(t, (_request, response) => response.end('x'.repeat(1_000_000)))
  const reply = await client.get('/long', { maxBytes: 1000, cut: true })
  assert.deepEqual([reply.status, reply.bytes.length], [200, 1000])
  await assert.rejects(client.get('/long', { maxBytes: 1000 }), OutboundTooLarge.is)
})

test('a redirect to a private address is not followed, from wherever it comes', async (t) => {
  const local = await partner(t, (_request, response) => response.end('secret'))
  const redirecting: Answer = (request, response) => {
    const to = { '/in': `http://127.0.0.1:${local.port}/`, '/loop': '/loop', '/on': '/here' }[request.url!]
    if (to) response.writeHead(302, { location: to })
    response.end(request.headers.authorization ?? 'here')
  }
  const headers = { authorization: 'Bearer mine' }
  const trusted = await partner(t, redirecting, { redirects: 2, headers })
  await assert.rejects(trusted.client.get('/in'), OutboundPrivate.is)
  await assert.rejects(trusted.client.get('/loop'), OutboundRedirects.is)
  assert.equal((await trusted.client.get('/on')).text(), 'Bearer mine')
  assert.equal((await trusted.client.post('/on')).status, 302)
  assert.deepEqual(local.seen, [])
  const allowed = await partner(t, redirecting, { redirects: 2, headers, allowPrivate: ['127.0.0.1'] })
  assert.equal((await allowed.client.get('/in')).text(), 'secret')
})

test('a setting that cannot be is refused at once', () => {
  const outbound = openOutbound({ telemetry: createTelemetry({ service: 'x', env: 'test', level: 'silent' }) })
  for (const wrong of [
    { baseUrl: 'nonsense' },
    { baseUrl: 'ftp://x.example' },
    { baseUrl: 'http://a:b@x.example' },
    { retries: -1 },
    { timeout: 0 },
    { deadline: 'soon' as never },
    { circuit: { share: 2 } },
    { atOnce: 0 },
  ])
    assert.throws(() => outbound.client({ name: 'x', ...wrong }), OutboundSetting.is, JSON.stringify(wrong))
  return outbound.close()
})

test('at most so many run at once, in order, and the first failure ends all', async () => {
  const running = { now: 0, most: 0 }
  const doubled = await all(
    [1, 2, 3, 4, 5, 6, 7],
    async (n) => {
      running.most = Math.max(running.most, ++running.now)
      await new Promise((resolve) => setTimeout(resolve, 10 - n))
      running.now--
      return n * 2
    },
    { atOnce: 3 },
  )
  assert.deepEqual(doubled, [2, 4, 6, 8, 10, 12, 14])
  assert.equal(running.most, 3)
  const begun: number[] = []
  await assert.rejects(
    all(
      [1, 2, 3, 4],
      async (n, signal) => {
        begun.push(n)
        if (n === 2) throw new Error('two is bad')
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
      { atOnce: 2 },
    ),
    /two is bad/,
  )
  assert.deepEqual(begun, [1, 2])
})

test('the process’s own fetch runs on what it ran on before', async (t) => {
  const { client, url } = await partner(t, (_request, response) => response.end('ok'))
  const own = (): unknown => (globalThis as Record<symbol, unknown>)[Symbol.for('undici.globalDispatcher.1')]
  await (await fetch(url)).text()
  const before = own()
  await client.get('/')
  assert.equal(own(), before)
})

test('every exchange is a span below its caller, a point in the histogram, and carries the trace along', async (t) => {
  const parents: string[] = []
  const { client, telemetry } = await partner(t, (request, response) => {
    parents.push(String(request.headers.traceparent))
    response.writeHead(parents.length === 1 ? 503 : 200).end()
  })
  const spans = await new Promise<{ name: string; spanId: string; attributes: object }[]>((resolve) => {
    telemetry.addSink({ onTrace: (trace) => resolve(trace.spans.filter(({ kind }) => kind === 'outgoing')) })
    void telemetry.root({ kind: 'request', name: 'GET /x' }, () =>
      client.get('/cards/:token', { params: { token: 't' } }),
    )
  })
  assert.deepEqual(
    spans.map(({ name }) => name.replace(/:\d+/, '')),
    ['GET 127.0.0.1/cards/:token', 'GET 127.0.0.1/cards/:token'],
  )
  assert.deepEqual(
    parents.map((parent) => parent.split('-')[2]),
    spans.map(({ spanId }) => spanId),
  )
  assert.equal((spans[1]!.attributes as Record<string, unknown>)['http.request.resend_count'], 1)
  const point = telemetry.metrics.snapshot().find(({ labels }) => labels['http.response.status_code'] === '503')
  assert.equal(point?.labels['url.template'], '/cards/:token')
  assert.equal(point?.histogram?.count, 1)
})

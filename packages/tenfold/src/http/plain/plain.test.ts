import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { created, noContent, respond, stream, text } from '../index.ts'
import { eventually, route, startServer, type TestServer } from '../testing/index.ts'
import { parsePlain } from './parse.ts'
import { openPlain } from './index.ts'

const nobody = {} as Socket
const parse = (bytes: string): ReturnType<typeof parsePlain> => parsePlain(Buffer.from(bytes, 'latin1'), nobody)
const get = (headers = '', target = '/', method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`

describe('what is a plain request', () => {
  test('one that has come whole, with where the next begins', () => {
    const bytes = 'POST /a?b=%20 HTTP/1.1\r\nHost: a\r\nX-Own:\t 1 2 \r\nContent-Length: 4\r\n\r\nbodyGET'
    const { method, url, headers, body, end } = parse(bytes)!
    assert.deepEqual(
      { method, url, headers, body: String(body), end },
      {
        method: 'POST',
        url: '/a?b=%20',
        headers: { host: 'a', 'x-own': '1 2', 'content-length': '4' },
        body: 'body',
        end: bytes.length - 3,
      },
    )
    assert.ok(parse(get()), 'the shortest')
    assert.equal(parse(get('Content-Length: 0\r\n', '/', 'POST'))!.body!.length, 0)
    assert.ok(parse(get('Connection: Close\r\n')))
  })

  const others: [what: string, bytes: string][] = [
    ['half a head', 'GET / HTTP/1.1\r\nhost: a\r\n'],
    ['half a body', get('content-length: 5\r\n', '/', 'POST') + 'abcd'],
    ['a body of GET', get('content-length: 1\r\n') + 'a'],
    ['no Host', 'GET / HTTP/1.1\r\na: b\r\n\r\n'],
    ['two Hosts', get('Host: b\r\n')],
    ['any header twice', get('a: 1\r\nA: 1\r\n')],
    ['two lengths', get('content-length: 1\r\nContent-Length: 1\r\n', '/', 'POST') + 'a'],
    ['a length with a sign', get('content-length: +1\r\n', '/', 'POST') + 'a'],
    ['a length with zeros before it', get('content-length: 01\r\n', '/', 'POST') + 'a'],
    ['two lengths in one', get('content-length: 1, 1\r\n', '/', 'POST') + 'a'],
    ['a length in other digits', get('content-length: 0x1\r\n', '/', 'POST') + 'a'],
    ['chunks', get('transfer-encoding: chunked\r\n', '/', 'POST') + '0\r\n\r\n'],
    ['chunks by another spelling', get('Transfer-Encoding: xchunked\r\n', '/', 'POST')],
    ['an upgrade', get('upgrade: websocket\r\nconnection: upgrade\r\n')],
    ['a connection of many words', get('connection: close, te\r\n')],
    ['a proxy connection', get('proxy-connection: close\r\n')],
    ['an expectation', get('expect: 100-continue\r\n', '/', 'POST')],
    ['a space before the colon', get('a : b\r\n')],
    ['a folded line', get('a: b\r\n c\r\n')],
    ['a line without a colon', get('a\r\n')],
    ['a line without a name', get(': b\r\n')],
    ['a bare LF', get('a: b\nc: d\r\n')],
    ['a bare CR', get('a: b\rc: d\r\n')],
    ['a NUL', get('a: b\0c\r\n')],
    ['a character beyond ASCII', get('a: \u00e4\r\n')],
    ['the name of what every object has', get('constructor: a\r\n')],
    ['the name of a prototype', get('__proto__: a\r\n')],
    ['an empty line before it', `\r\n${get()}`],
    ['HTTP/1.0', get().replace('1.1', '1.0')],
    ['HTTP/1.1 in other words', get().replace('HTTP/1.1', 'HTTP/1.1 ')],
    ['two spaces', get().replace(' /', '  /')],
    ['a method of others', get('', '/', 'BREW')],
    ['a method in lower case', get('', '/', 'get')],
    ['CONNECT', get('', 'a:1', 'CONNECT')],
    ['a whole URL', get('', 'http://a/')],
    ['an asterisk', get('', '*', 'OPTIONS')],
    ['a fragment', get('', '/#a')],
    ['a backslash', get('', '/\\a')],
    ['a quote', get('', '/"')],
    ['a head of many kilobytes', get(`a: ${'x'.repeat(9000)}\r\n`)],
    ['a hundred headers', get(Array.from({ length: 100 }, (_, i) => `a${i}: b\r\n`).join(''))],
    ['something else altogether', '\x16\x03\x01\x02\x00\r\n\r\n'],
  ]
  for (const [what, bytes] of others) test(`not ${what}`, () => assert.equal(parse(bytes), undefined))
})

describe('a plain request and any other', () => {
  let server: TestServer
  const Thing = z.object({ name: z.string() })
  before(async () => {
    server = await startServer(
      [
        route('POST /things', { body: Thing, reply: Thing, handle: async ({ body }) => body }),
        route('PUT /raw', { raw: true, handle: async ({ rawBody, ip }) => ({ bytes: rawBody!.toString('latin1'), ip }) }),
        route('GET /things/:id', { query: z.object({ q: z.string().optional() }), handle: async (x) => ({ ...x.query as object, ...x.params as object }) }),
        route('GET /limited', { limit: { by: 'ip', max: 1000, per: '1h' }, handle: async () => 'ö€' }),
        route('POST /things/:id', { handle: async ({ params }) => params }),
        route('POST /things/upload', { body: 'stream', handle: async ({ body }) => ({ sent: String(await (body as Readable).toArray()) }) }),
        route('GET /things/lasting', { timeout: 0, handle: async () => ({ lasts: true }) }),
        route('DELETE /things/:id', { handle: async () => noContent() }),
        route('GET /created', { handle: async () => created({ a: 1 }, '/things/ä') }),
        route('GET /cookie', { handle: async () => respond({}, { cookies: { a: { value: 'b' } }, headers: { 'x-latin': 'ä' } }) }),
        route('GET /text', { handle: async () => text('grün') }),
        route('GET /dated', { handle: async () => text('a', { headers: { date: 'long ago', connection: 'close' } }) }),
        route('GET /unchanged', { handle: async () => respond(undefined, { status: 304 }) }),
        route('GET /stream', { handle: async () => stream(pieces(), { type: 'text/plain' }) }),
        route('GET /sized', { handle: async () => stream(pieces(), { length: 6 }) }),
        route('GET /fails', { handle: async () => { throw new Error('a secret') } }),
        route('GET /bad', { handle: async () => respond({}, { headers: { 'x-a': 'b\r\nc: d' } }) }),
        route('GET /exposing', { handle: async () => respond({ a: 1 }, { headers: { 'access-control-expose-headers': 'content-length' } }) }),
        route('GET /spoilt', { handle: async () => text('a', { headers: { date: 'long ago', 'x-a': 'b\r\nc' } }) }),
        route('GET /trailed', { handle: async () => text('a', { headers: { trailer: 'x-a' } }) }),
        route('GET /listed', { handle: async () => respond({}, { headers: { 'x-a': ['1', '2'] as never, 'x-b': 3 as never } }) }),
        route('GET /user', { auth: 'user', handle: async () => ({}) }),
      ],
      { trustProxy: ['127.0.0.1'] },
    ) // prettier-ignore
  })
  after(() => server.stop())

  const requests: string[] = [
    post('/things', '{"name":"ä"}'),
    post('/things', '{"name":1}'),
    post('/things', '{"name":'),
    post('/things', '\xff'),
    post('/things', '{"name":"a","__proto__":{}}'),
    post('/things', ''),
    post('/things', '{}', 'content-type: text/xml\r\n'),
    post('/things', '{}', 'content-encoding: gzip\r\n'),
    post('/things', '{"name":"a"}', 'origin: http://evil.example\r\n'),
    post('/things', '{"name":"a"}', 'connection: close\r\n'),
    post('/things/upload', 'abc'),
    get('', '/things/lasting'),
    post('/raw', 'a=b', '', 'PUT').replace('application/json', 'application/x-www-form-urlencoded'),
    post('/raw', '', 'x-forwarded-for: 10.1.2.3, 10.0.0.1\r\nx-forwarded-proto: https\r\n', 'PUT'),
    get('', '/things/a%20b?q=c%2Fd'),
    get('', '/things/%zz'),
    get('', `/things/${'a'.repeat(2001)}`),
    get('', '/things/a%00'),
    get('', '/nowhere'),
    get('', '/things/a', 'PUT'),
    get('', '/limited'),
    get('', '/limited', 'HEAD'),
    get('', '/things/1', 'DELETE'),
    ...['/created', '/cookie', '/text', '/unchanged', '/dated', '/stream', '/sized', '/fails', '/bad', '/user'].map(
      (path) => get('', path),
    ),
    ...['/exposing', '/spoilt', '/trailed', '/listed'].map((path) => get('', path)),
    // The connection is as good as before for Node, which takes it over.
    get('', '/spoilt') + get('x-twice: 1\r\nx-twice: 1\r\n', '/things/1'),
    get('', '/stream', 'HEAD'),
    get('connection: close\r\n', '/stream'),
    get('x-tenfold-deadline: 1\r\n', '/limited'),
  ]
  for (const request of requests) {
    const [line] = request.split('\r\n', 1)
    test(`are answered alike: ${line!.slice(0, 60)} ${request.length}`, async () => {
      // A header that comes twice is nothing to Node, and not plain.
      const other = request.replace('\r\n', '\r\nx-twice: 1\r\nx-twice: 1\r\n')
      const [plain, node] = [await answerOf(server, request), await answerOf(server, other)]
      assert.equal(plain, node)
    })
  }

  test('have the same bound on their head', async () => {
    const small = await startServer([route('GET /', { handle: async () => ({}) })], { maxHeaderSize: 2048 })
    for (const twice of ['', 'x-twice: 1\r\nx-twice: 1\r\n'])
      assert.match(await small.raw(get(`a: ${'x'.repeat(4000)}\r\n${twice}`)), /^HTTP\/1.1 431 /)
    await small.stop()
  })

  test('leave the same line and the same trace', async () => {
    const seen = async (headers: string): Promise<object> => {
      server.logs.length = server.traces.length = 0
      await answerOf(server, post('/things', '{"name":"a"}', `user-agent: test\r\nconnection: close\r\n${headers}`))
      await eventually(() => server.traces.length === 1 && server.logs.length === 1, 'both')
      const { fields, level, message, status } = server.logs[0]!
      const { name, module, spans } = server.traces[0]!
      assert.equal(server.traces[0]!.traceId, server.logs[0]!.traceId)
      return {
        fields: { ...fields, requestId: '', ms: 0 },
        level,
        message,
        status,
        name,
        module,
        spans: spans.map(({ kind, attributes }) => ({ kind, attributes })),
      }
    }
    assert.deepEqual(await seen(''), await seen('x-twice: 1\r\nx-twice: 1\r\n'))
  })

  test('take turns on one connection', async () => {
    const answers = await server.raw(
      get('', '/things/1') +
        post('/things', '{"name":"2"}') +
        get('', '/stream') +
        get('', '/things/3') +
        get('x-twice: 1\r\nx-twice: 1\r\n', '/things/4') +
        get('connection: close\r\n', '/things/5'),
    )
    const bodies = [...answers.matchAll(/\{[^}]*\}|two|HTTP\/1.1 \d+/g)].map(([found]) => found)
    assert.deepEqual(
      bodies.filter((one) => !one.startsWith('HTTP')),
      ['{"id":"1"}', '{"name":"2"}', 'two', '{"id":"3"}', '{"id":"4"}', '{"id":"5"}'],
    )
    assert.equal(bodies.filter((one) => one === 'HTTP/1.1 200').length, 6)
  })

  test('may come in any pieces', async () => {
    const bytes = get('', '/things/1') + post('/things', '{"name":"2"}') + get('connection: close\r\n', '/things/3')
    for (const at of [1, 20, 45, 60, 130, 150]) {
      const socket = connect(server.port, '127.0.0.1')
      let answers = ''
      socket.on('data', (chunk) => (answers += chunk.toString('latin1')))
      socket.write(bytes.slice(0, at))
      await sleep(5)
      socket.write(bytes.slice(at))
      await once(socket, 'close')
      assert.deepEqual(answers.match(/\{[^}]*\}/g), ['{"id":"1"}', '{"name":"2"}', '{"id":"3"}'], `cut at ${at}`)
    }
  })
})

test('a connection that is silent is refused in time, and one that has been of use is let go', async () => {
  const server = await startServer([route('GET /', { handle: async () => ({}) })], {
    headersTimeout: 200,
    keepAliveTimeout: 1000,
  })
  const silent = await server.raw('')
  assert.match(silent, /^HTTP\/1.1 408 /)
  const began = performance.now()
  const used = await server.raw(get(), 20_000)
  assert.match(used, /^HTTP\/1.1 200 /)
  assert.ok(performance.now() - began > 1000, 'not before its time')
  await server.stop()
})

/** More than the kernel keeps for both ends. */
const LARGE = 'x'.repeat(30_000_000)

/** Asks for it and reads nothing yet. */
async function pausedAt(server: TestServer, headers = ''): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1').pause()
  socket.on('error', () => {})
  socket.write(get(headers))
  await eventually(() => server.logs.some(({ fields }) => fields['status'] === 200), 'it is answered')
  return socket
}

async function lengthOfRest(socket: Socket, isAll = (_length: number): boolean => false): Promise<number> {
  let length = 0
  for await (const chunk of socket) if (isAll((length += (chunk as Buffer).length))) break
  return length
}

test('a connection is not idle while its client still reads', async () => {
  const server = await startServer([route('GET /', { handle: async () => text(LARGE) })], {
    headersTimeout: 500,
    keepAliveTimeout: 100,
  })
  const socket = await pausedAt(server)
  // Longer than the connection would be kept: 100 ms, the second that Node adds, and half a one until somebody looks.
  await sleep(2200)
  assert.ok((await lengthOfRest(socket, (length) => length > LARGE.length)) > LARGE.length)
  await server.stop()
})

test('a client that does not read its answer at all is cut', async () => {
  const server = createServer()
  let answered = false
  openPlain(server, {
    headersMs: 1000,
    stallMs: 200,
    maxHeaderSize: 1000,
    serve: (_, reply) =>
      (answered = reply.whole(200, { pairs: [], text: '' }, ['content-length', String(LARGE.length)], LARGE)),
  })
  let cut = false
  server.on('connection', (socket: Socket) => socket.on('close', () => (cut = true)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  socket.on('error', () => {}).write(get())
  await eventually(() => answered && cut, 'the connection is closed')
  socket.destroy()
  server.close()
})

for (const [way, headers] of [
  ['plain', ''],
  ["Node's", 'x-twice: 1\r\nx-twice: 1\r\n'],
] as const) {
  test(`stopping lets a client read its answer to the end (${way})`, async () => {
    const server = await startServer([route('GET /', { handle: async () => text(LARGE) })])
    const socket = await pausedAt(server, headers)
    const stopping = server.stop()
    await refused(server.port)
    assert.ok((await lengthOfRest(socket)) > LARGE.length)
    await stopping
  })
}

test('a client that reads nothing is not read from either', async () => {
  const server = await startServer([route('GET /', { handle: async () => text('x'.repeat(100_000)) })])
  const socket = connect(server.port, '127.0.0.1').pause()
  await once(socket, 'connect')
  let sent = 0
  const more = get().repeat(1000)
  // As long as somebody takes it. What the kernel and the two ends keep is some megabytes.
  for (let tries = 0; tries < 20 && socket.writableLength < 1e6; tries++) {
    socket.write(more)
    sent += 1000
    await sleep(20)
  }
  await eventually(() => server.traces.length > 0, 'an answer')
  let answered: number
  do {
    answered = server.traces.length
    await sleep(100)
  } while (server.traces.length > answered)
  assert.ok(answered < sent / 2, `${answered} of ${sent} were answered`)
  socket.destroy()
  await server.stop()
})

test('who watches the requests of Node sees all of them', async () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(request.url!)
    response.end()
  })
  openPlain(server, {
    headersMs: 1000,
    stallMs: 1000,
    maxHeaderSize: 1000,
    serve: (_, reply) => reply.whole(200, { pairs: [], text: '' }, ['content-length', '0'], undefined),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = (path: string): Promise<Response> => fetch(url + path, { headers: { connection: 'close' } })
  const { emit } = Server.prototype
  assert.equal((await ask('/plain')).status, 200)
  assert.deepEqual(seen, [])
  Server.prototype.emit = function (this: Server, ...args: Parameters<typeof emit>) {
    return Reflect.apply(emit, this, args) as boolean
  } as typeof emit
  try {
    assert.equal((await ask('/watched')).status, 200)
    assert.deepEqual(seen, ['/watched'])
  } finally {
    Server.prototype.emit = emit
    server.closeAllConnections()
    server.close()
  }
})

/** Resolves when nothing new is taken. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
    } catch {
      return
    } finally {
      socket.destroy()
    }
  }
}

function post(target: string, body: string, headers = '', method = 'POST'): string {
  const type = headers.includes('content-type') ? '' : 'content-type: application/json\r\n'
  return `${get(`${type}content-length: ${body.length}\r\n${headers}`, target, method)}${body}`
}

async function* pieces(): AsyncGenerator<string> {
  yield 'one'
  yield 'two'
}

/** All that comes back, but for what is different each time. */
async function answerOf(server: TestServer, request: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  let answer = ''
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('data', (chunk) => (answer += chunk.toString('latin1'))).on('error', () => {})
  socket.write(Buffer.from(request, 'latin1'))
  await eventually(() => answer.includes('\r\n\r\n') || socket.closed, 'a head')
  // The connection goes on, unless it says otherwise; where the answer ends is seen by the one after it.
  if (!/^connection: close/im.test(answer)) socket.write(get('connection: close\r\n', '/things/last'))
  await closed
  return answer
    .replaceAll(/x-request-id: \w+/g, 'x-request-id: …')
    .replaceAll(/"instance":"\w+"/g, '"instance":"…"')
    .replaceAll(/Date: [^\r]+/g, 'Date: …')
    .replaceAll(/ratelimit: [^\r]+/g, 'ratelimit: …')
}

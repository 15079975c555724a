import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { eventually, route, startServer, type TestServer } from './testing/index.ts'

const json = (body: string): string =>
  `POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const statusOf = (answer: string): number => Number(answer.split(' ')[1])

describe('hostile requests', () => {
  let server: TestServer
  before(async () => {
    server = await startServer(
      [
        route('POST /echo', { body: z.json(), reply: z.json(), handle: async ({ body }) => body }),
        route('POST /shape', { body: z.object({ a: z.string() }), handle: async ({ body }) => body }),
        route('POST /list', { body: z.array(z.string()), handle: async () => ({}) }),
        route('POST /form', { body: z.object({ a: z.array(z.string()) }), handle: async ({ body }) => body }),
        route('GET /files/:name', { handle: async ({ params }) => params }),
        route('GET /search', { query: z.object({ q: z.string().optional() }), handle: async ({ query }) => query }),
        route('POST /upload', {
          body: 'stream',
          bodyLimit: 1000,
          handle: async ({ body }) => {
            let bytes = 0
            for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length
            return { bytes }
          },
        }),
      ],
      { bodyLimit: 10_000, headersTimeout: 300, stallTimeout: 300 },
    )
  })
  after(async () => {
    assert.equal((await server.get('/files/a')).status, 200, 'the server goes on')
    await server.stop()
  })

  const bodies: [name: string, body: string | Buffer, type: string, status: number, code: string][] = [
    ['malformed JSON', '{"a":', 'application/json', 400, 'TF_BODY_MALFORMED'],
    ['an empty body', '', 'application/json', 400, 'TF_INVALID'],
    ['JSON that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400, 'TF_BODY_MALFORMED'],
    ['a __proto__ key', '{"a":"x","__proto__":{"admin":true}}', 'application/json', 400, 'TF_BODY_MALFORMED'],
    [
      'an escaped __proto__ key',
      '{"a":"x","\\u005f_proto__":{"admin":true}}',
      'application/json',
      400,
      'TF_BODY_MALFORMED',
    ],
    [
      'a constructor.prototype key',
      '{"a":"x","b":{"constructor":{"prototype":{}}}}',
      'application/json',
      400,
      'TF_BODY_MALFORMED',
    ],
    ['a NUL character', '{"a":"x\\u0000"}', 'application/json', 400, 'TF_BODY_MALFORMED'],
    ['a body over the limit', `"${'x'.repeat(20_000)}"`, 'application/json', 413, 'TF_BODY_TOO_LARGE'],
    ['an unknown content type', '<a/>', 'text/xml', 415, 'TF_CONTENT_TYPE_UNSUPPORTED'],
    ['a content type that is none', '{}', 'json', 415, 'TF_CONTENT_TYPE_UNSUPPORTED'],
  ]
  for (const [name, body, type, status, code] of bodies) {
    test(`${name} is answered ${status} ${code}`, async () => {
      const response = await fetch(`${server.url}/shape`, { method: 'POST', body, headers: { 'content-type': type } })
      assert.equal(response.status, status)
      assert.equal(((await response.json()) as { code: string }).code, code)
    })
  }

  test('compressed bodies are refused before anything is unpacked', async () => {
    const response = await server.post('/echo', '{}', { 'content-encoding': 'gzip' })
    assert.equal(response.status, 415)
  })

  test('a million nested arrays are no way to overflow the stack', async () => {
    const big = await startServer(
      [route('POST /echo', { body: z.json(), reply: z.json(), handle: async ({ body }) => body })],
      { bodyLimit: 4_000_000 },
    )
    const depth = 1_000_000
    const response = await big.post('/echo', '['.repeat(depth) + ']'.repeat(depth))
    assert.equal(response.status, 400)
    assert.equal((await big.post('/echo', '[1]')).status, 200)
    await big.stop()
  })

  test('a body with a hundred thousand faults is answered with the first fifty', async () => {
    const response = await server.post('/list', JSON.stringify(Array(4000).fill(1)))
    assert.equal(((await response.json()) as { errors: unknown[] }).errors.length, 50)
  })

  test('form fields arrive as strings and arrays', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    assert.deepEqual(await (await server.post('/form', 'a=1&a=2', headers)).json(), { a: ['1', '2'] })
    assert.equal((await server.post('/form', 'a=%00&a=2', headers)).status, 400)
  })

  test('chunked bodies are counted too', async () => {
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
    const head = (path: string, type: string) =>
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`
    assert.equal(
      statusOf(await server.raw(`${head('/echo', 'application/json')}${chunk.repeat(20)}0\r\n\r\n`, 500)),
      413,
    )
    assert.equal(statusOf(await server.raw(`${head('/upload', 'image/png')}${chunk.repeat(20)}0\r\n\r\n`, 500)), 413)
    assert.match(await server.raw(`${head('/upload', 'image/png')}5\r\nhello\r\n0\r\n\r\n`, 500), /\{"bytes":5\}/)
  })

  const raws: [name: string, bytes: string, status: number][] = [
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
    ['two content lengths', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n[]', 400],
    [
      'a content length beside chunks',
      'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a negative content length', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n', 400],
    [
      'a chunk size that is no number',
      'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n',
      400,
    ],
    ['a space before a header colon', 'GET /search HTTP/1.1\r\nhost: a\r\nx-a : 1\r\n\r\n', 400],
    ['a folded header', 'GET /search HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n 2\r\n\r\n', 400],
    ['a NUL in a header', 'GET /search HTTP/1.1\r\nhost: a\r\nx-a: \0\r\n\r\n', 400],
    ['no Host', 'GET /search HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['huge headers', `GET /search HTTP/1.1\r\nhost: a\r\nx-a: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a huge query', `GET /search?q=${'x'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431],
    ['a method that does not exist', 'BREW /search HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a method that nobody uses', 'PROPFIND /search HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 405],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 0],
  ]
  for (const [name, bytes, status] of raws) {
    test(`${name} is answered ${status || 'by closing'}`, async () => {
      const answer = await server.raw(bytes)
      if (status === 0) return assert.equal(answer, '')
      assert.equal(statusOf(answer), status, answer)
      assert.match(answer, /application\/problem\+json[^]*"code":"TF_/)
    })
  }

  const paths: [path: string, status: number][] = [
    ['//', 404],
    ['//files/a', 404],
    ['/files//', 404],
    ['/files/../search', 404],
    ['/files/%2e%2e', 200],
    ['/files/%2e%2e%2fetc%2fpasswd', 200],
    ['/files/a%00b', 400],
    ['/files/%', 400],
    ['/files/%zz', 400],
    ['/files/%c0%ae', 400],
    ['/search?q=%00', 400],
    ['/search?__proto__=1&q[__proto__]=2&constructor=3', 200],
    ['/search?q=%ff', 200],
    [`/files/${'a'.repeat(3000)}`, 400],
    ['http://evil.example/search', 200],
    ['*', 404],
  ]
  for (const [path, status] of paths) {
    test(`the path ${path.slice(0, 50)} is answered ${status}`, async () => {
      const answer = await server.raw(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
      assert.equal(statusOf(answer), status, answer)
    })
  }

  test('headers that trickle in are cut at the time-out with 408', async () => {
    const answer = await server.raw('GET /search HTTP/1.1\r\nhost: a\r\nx-slow: ')
    assert.equal(statusOf(answer), 408)
  })

  test('a body that stops is cut with 408, and one that trickles goes on', async () => {
    const answer = await server.raw(
      'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n"1234',
      4000,
    )
    assert.equal(statusOf(answer), 408)
    assert.match(answer, /TF_BODY_SLOW/)

    const socket = connect(server.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n')
    for (const character of '"12345678"') {
      socket.write(character)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await eventually(() => text.includes('"12345678"'), 'the trickled body was echoed')
    socket.destroy()
  })

  test('an upload that stops is cut as well', async () => {
    const answer = await server.raw('POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc', 4000)
    assert.equal(statusOf(answer), 408)
  })

  test('a client that leaves in the middle of a body leaves nothing behind', async () => {
    const before = server.logs.length
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n"1')
    setTimeout(() => socket.destroy(), 50)
    await eventually(
      () => server.logs.slice(before).some((log) => log.fields['path'] === '/echo' && log.fields['status'] === 499),
      'the line of the request that was left',
    )
  })

  test('HTTP/1.0 without a Host is answered', async () => {
    assert.equal(statusOf(await server.raw('GET /search HTTP/1.0\r\n\r\n')), 200)
  })

  test('a thousand connections that say nothing are closed, and disturb nobody', async () => {
    const silent = Array.from({ length: 1000 }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
    const closed = silent.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume()))
    await eventually(() => silent.every((socket) => !socket.connecting), 'all are connected')
    assert.equal((await server.get('/search')).status, 200)
    await Promise.all(closed)
  })

  test('requests sent together on one connection are answered in order', async () => {
    const answer = await server.raw(
      `GET /files/1 HTTP/1.1\r\nhost: a\r\n\r\nGET /files/2 HTTP/1.1\r\nhost: a\r\n\r\n${json('[3]')}`,
    )
    assert.match(answer, /"name":"1"[^]*"name":"2"[^]*\[3\]/)
  })

  test('Object.prototype is what it was', () => {
    assert.equal(({} as { admin?: boolean }).admin, undefined)
  })
})

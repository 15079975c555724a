import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { disposition, staticFiles, stream } from './index.ts'
import { eventually, route, startServer, type TestServer } from './testing/index.ts'

describe('streamed replies', () => {
  const seen = { produced: 0, closed: 0, aborted: false }
  let server: TestServer
  before(async () => {
    server = await startServer(
      [
        route('GET /lines', {
          handle: async () =>
            stream(
              (async function* () {
                for (let i = 0; i < 3; i++) yield `${i}\n`
              })(),
              { type: 'text/csv; charset=utf-8', filename: 'Bücher "2".csv' },
            ),
        }),
        route('GET /endless', {
          timeout: 0,
          handle: async ({ signal }) => {
            signal.addEventListener('abort', () => (seen.aborted = true))
            return stream(
              (async function* () {
                try {
                  for (;;) {
                    seen.produced++
                    yield Buffer.alloc(64 * 1024)
                  }
                } finally {
                  seen.closed++
                }
              })(),
            )
          },
        }),
        route('GET /early', {
          handle: async () =>
            stream(
              (async function* (): AsyncGenerator<string> {
                yield* failing()
              })(),
            ),
        }),
        route('GET /late', {
          handle: async () =>
            stream(
              (async function* () {
                yield 'some'
                throw new Error('the rest is gone')
              })(),
            ),
        }),
      ],
      { stallTimeout: 300 },
    )
  })
  after(() => server.stop())

  test('arrive piece by piece, with a name that every browser can read', async () => {
    const response = await server.get('/lines')
    assert.equal(await response.text(), '0\n1\n2\n')
    assert.equal(
      response.headers.get('content-disposition'),
      `attachment; filename="B_cher _2_.csv"; filename*=UTF-8''B%C3%BCcher%20%222%22.csv`,
    )
    assert.equal(disposition('inline', '../../etc/passwd'), 'inline; filename="passwd"')
    assert.equal(await (await server.fetch(new Request('http://shop/lines'))).text(), '0\n1\n2\n')
  })

  test('are produced no faster than they are read, and stop when the client leaves', async () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.pause()
    socket.write('GET /endless HTTP/1.1\r\nhost: a\r\n\r\n')
    await eventually(() => seen.produced > 0, 'the first piece was produced')
    const settled = { at: -1 }
    await eventually(() => {
      const same = settled.at === seen.produced
      settled.at = seen.produced
      return same
    }, 'production waits for the reader')
    assert.ok(seen.produced < 2000, `${seen.produced} pieces for a client that reads nothing`)
    socket.destroy()
    await eventually(() => seen.closed === 1 && seen.aborted, 'the source was closed and the signal aborted')
    await eventually(() => server.traces.some(({ name }) => name === 'GET /endless'), 'it was recorded')
    const { durationUs, spans } = server.traces.find(({ name }) => name === 'GET /endless')!
    const first = Number(spans[0]!.attributes['tenfold.http.first_piece_ms'])
    assert.ok(first > 0 && first < durationUs / 1000, `${first} ms until the first piece`)
  })

  test('are cut for a client that does not read at all', async () => {
    const before = seen.closed
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write('GET /endless HTTP/1.1\r\nhost: a\r\n\r\n')
    await eventually(() => seen.closed > before, 'the source was closed')
    socket.destroy()
  })

  test('are a proper error when the source fails at once, and cut when it fails later', async () => {
    assert.equal((await server.get('/early')).status, 500)
    await assert.rejects(async () => (await server.get('/late')).text())
    assert.ok(server.logs.some((log) => log.message === 'GET /late failed'))
  })
})

describe('files of a folder', () => {
  let server: TestServer
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-static-'))
    await mkdir(join(folder, 'public/sub'), { recursive: true })
    await writeFile(join(folder, 'secret.txt'), 'secret')
    await writeFile(join(folder, 'public/index.html'), '<p>home</p>')
    await writeFile(join(folder, 'public/.env'), 'secret')
    await writeFile(join(folder, 'public/sub/a b.js'), 'let a')
    await symlink(join(folder, 'secret.txt'), join(folder, 'public/link.txt'))
    server = await startServer([
      staticFiles({ prefix: '/', directory: join(folder, 'public') }),
      route('GET /api', { handle: async () => ({ api: true }) }),
    ])
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  test('are served with their type and the policy of a page, beside the routes', async () => {
    const page = await server.get('/')
    assert.equal(await page.text(), '<p>home</p>')
    assert.match(page.headers.get('content-security-policy')!, /default-src 'self'/)
    const script = await server.get('/sub/a%20b.js')
    assert.deepEqual(
      [script.headers.get('content-type'), await script.text()],
      ['text/javascript; charset=utf-8', 'let a'],
    )
    assert.deepEqual(await (await server.get('/api')).json(), { api: true })
    assert.equal((await server.get('/sub')).status, 404)
  })

  test('are not sent again to who has them', async () => {
    const etag = (await server.get('/')).headers.get('etag')!
    const again = await server.get('/', { headers: { 'if-none-match': etag } })
    assert.deepEqual([again.status, await again.text()], [304, ''])
  })

  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/sub/..%2f..%2fsecret.txt',
    '/link.txt',
    '/.env',
    '/sub%5c..%5c.env',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
  ]) {
    test(`${path} does not lead out of the folder`, async () => {
      const answer = await server.raw(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.1 404 /)
      assert.doesNotMatch(answer, /secret\n|root:/)
    })
  }
})

async function* failing(): AsyncGenerator<string> {
  await Promise.reject(new Error('no rows today'))
  yield 'never'
}

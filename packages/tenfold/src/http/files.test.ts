import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../kernel/index.ts'
import { openStorage, type Storage } from '../storage/index.ts'
import { file } from './index.ts'
import { route, startServer, type TestServer } from './testing/index.ts'

describe('signed URLs of files', () => {
  let folder: string
  let storage: Storage
  let server: TestServer
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-files-'))
    storage = await openStorage({ url: folder, secrets: ['a test key'], clock: systemClock })
    server = await startServer([route('GET /mine', { handle: async () => file(await storage.get('a/ten.txt')) })], {
      storage,
    })
    await storage.put('a/ten.txt', '0123456789', { contentType: 'text/plain' })
    await storage.put('page.html', '<script>alert(1)</script>', { contentType: 'text/html' })
  })
  after(async () => {
    await server?.stop()
    await storage?.close()
    await rm(folder, { recursive: true })
  })

  const link = (key: string, rest: object = {}) => storage.signedUrl(key, { method: 'GET', expiresIn: '1m', ...rest })

  test('download a file with its type, and never as a page of this app', async () => {
    const text = await server.get(await link('a/ten.txt'))
    assert.equal(await text.text(), '0123456789')
    assert.equal(text.headers.get('content-type'), 'text/plain')
    assert.equal(text.headers.get('content-length'), '10')
    assert.equal(text.headers.get('content-disposition'), 'inline; filename="ten.txt"')
    assert.equal(text.headers.get('x-content-type-options'), 'nosniff')
    const page = await server.get(await link('page.html'))
    assert.match(page.headers.get('content-disposition')!, /^attachment/)
    assert.equal(page.headers.get('content-security-policy'), "default-src 'none'; sandbox")
    const named = await server.get(await link('a/ten.txt', { downloadAs: 'x.txt' }))
    assert.equal(named.headers.get('content-disposition'), 'attachment; filename="x.txt"')
    assert.equal(await (await server.get('/mine')).text(), '0123456789')
  })

  test('give parts, refuse impossible ones, and send nothing twice', async () => {
    const url = await link('a/ten.txt')
    const get = async (range: string, more = {}) => {
      const response = await server.get(url, { headers: { range, ...more } })
      return [response.status, await response.text(), response.headers.get('content-range')]
    }
    assert.deepEqual(await get('bytes=2-4'), [206, '234', 'bytes 2-4/10'])
    assert.deepEqual(await get('bytes=7-'), [206, '789', 'bytes 7-9/10'])
    assert.deepEqual(await get('bytes=-3'), [206, '789', 'bytes 7-9/10'])
    assert.deepEqual(await get('bytes=0-1,3-4'), [200, '0123456789', null])
    assert.deepEqual(await get('bytes=2-4', { 'if-range': '"old"' }), [200, '0123456789', null])
    assert.deepEqual(await get('bytes=20-'), [416, '', 'bytes */10'])
    const etag = (await server.get(url)).headers.get('etag')!
    assert.equal((await server.get(url, { headers: { 'if-none-match': etag } })).status, 304)
    const head = await server.get(url, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10'])
  })

  test('upload a file of the agreed type and size, and nothing else', async () => {
    const url = await link('up.txt', { method: 'PUT', contentType: 'text/plain', maxBytes: 5 })
    const put = async (body: string, type = 'text/plain') =>
      (await server.get(url, { method: 'PUT', body, headers: { 'content-type': type } })).status
    assert.equal(await put('hello'), 204)
    assert.equal((await storage.head('up.txt'))?.size, 5)
    assert.equal(await put('hello!'), 413)
    assert.equal(await put('hello', 'text/html'), 415)
    assert.equal((await server.get(url)).status, 403)
  })

  test('are worth nothing when changed, and for files that are not there', async () => {
    const url = await link('a/ten.txt')
    assert.equal((await server.get(url.replace('e=', 'e=1'))).status, 403)
    assert.equal((await server.get('/_files/abc')).status, 403)
    assert.equal((await server.get(await link('missing'))).status, 404)
    assert.equal((await server.get(await link('ä'.repeat(512)))).status, 404)
  })
})

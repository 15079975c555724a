import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../kernel/index.ts'
import { openStorage, type Storage } from '../index.ts'
import { describeStorageContract } from '../testing/contract.ts'
import { startTestS3 } from '../testing/s3-server.ts'

const MIB = 1024 * 1024
const server = await startTestS3()
after(() => server.stop())

describeStorageContract('s3', async (clock) => {
  const url = await server.bucket('contract')
  const open = (...secrets: [string, ...string[]]): Promise<Storage> =>
    openStorage({ url, secrets, baseUrl: 'https://shop.example/', clock })
  const [a, b] = [await open('a secret'), await open('the next secret', 'a secret')]
  return {
    a,
    b,
    direct: true,
    async close() {
      await Promise.all([a.close(), b.close()])
    },
  }
})

describe('storage in a bucket', () => {
  let url: string
  let storage: Storage
  const opened: Storage[] = []
  const closers: (() => void)[] = []
  const open = async (address = url, staleAfter = 86_400_000): Promise<Storage> => {
    const s3 = { partBytes: 5 * MIB, copyBytes: 6 * MIB, staleAfter }
    const one = await openStorage({ url: address, secrets: ['secret'], clock: systemClock, s3 })
    opened.push(one)
    return one
  }
  before(async () => {
    url = await server.bucket('files')
    storage = await open()
  })
  after(async () => {
    await Promise.all(opened.map((one) => one.close()))
    for (const close of closers) close()
  })

  /** How often the server was asked to do what, by a proxy that counts. */
  const counting = async () => {
    const counted: string[] = []
    const proxy = createServer((incoming, outgoing) => {
      if (!incoming.headers['x-amz-copy-source']) counted.push(`${incoming.method} ${incoming.url}`)
      const target = new URL(incoming.url!, server.endpoint)
      // The signature covers the host that the client meant.
      const onward = request(target, { method: incoming.method!, headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      })
      onward.on('error', () => outgoing.destroy())
      incoming.pipe(onward)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    closers.push(() => proxy.close().closeAllConnections())
    const { port } = proxy.address() as AddressInfo
    const address = new URL(url)
    address.searchParams.set('endpoint', `http://127.0.0.1:${port}`)
    const through = await open(address.href)
    return {
      through,
      parts: () => counted.filter((one) => /^PUT .*partNumber/.test(one)).length,
    }
  }
  const filesIn = async (prefix: string): Promise<string[]> =>
    (await storage.list(prefix)).files.map((file) => file.key)

  it('S2 S3 writes and reads what is larger than a part, and copies it in parts, as it was', async () => {
    const bytes = randomBytes(17 * MIB + 7)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const cut = (i: number): number => Math.floor((i * bytes.length) / 100)
    const pieces = Array.from({ length: 100 }, (_, i) => bytes.subarray(cut(i), cut(i + 1)))
    const file = await storage.put('large', Readable.from(pieces), { sha256, contentType: 'video/mp4' })
    assert.deepEqual([file.size, file.sha256, file.contentType], [bytes.length, sha256, 'video/mp4'])
    assert.deepEqual(await storage.head('large'), file)
    const copy = await storage.copy('large', 'copied')
    assert.equal(copy.sha256, sha256)
    for (const key of ['large', 'copied']) {
      const read = await buffer((await storage.get(key)).body)
      assert.equal(createHash('sha256').update(read).digest('hex'), sha256)
    }
    const { body } = await storage.get('large', { range: { start: 10 * MIB - 3, end: 10 * MIB + 3 } })
    assert.deepEqual(await buffer(body), bytes.subarray(10 * MIB - 3, 10 * MIB + 4))
    await assert.rejects(storage.put('large', Readable.from(pieces), { sha256: '0'.repeat(64) }), {
      code: 'TF_STORAGE_CHECKSUM',
    })
    await assert.rejects(storage.put('large', Readable.from(pieces), { ifAbsent: true }), { code: 'TF_STORAGE_EXISTS' })
    assert.equal((await storage.head('large'))?.sha256, sha256)
    assert.deepEqual(await filesIn('.tenfold'), [], 'nothing is left beside the files')
  })

  it('S2 asks a source for more only when there is room, and keeps little in memory', async () => {
    const given = { parts: 0 }
    const { through, parts } = await counting()
    const source = async function* () {
      for (; given.parts < 40; given.parts++) {
        yield Buffer.alloc(MIB)
        // Two parts of 5 MiB on their way, and one that is being filled.
        assert.ok(given.parts - parts() * 5 <= 16, `the source is ${given.parts - parts() * 5} MiB ahead`)
      }
    }
    await through.put('paced', Readable.from(source(), { highWaterMark: 1 }))
    assert.equal(parts(), 8)
  })

  it('S1 goes on with an upload that was cut off, and sends only what has not arrived', async () => {
    const bytes = randomBytes(23 * MIB)
    const cut = async function* () {
      for (let at = 0; at < 16 * MIB; at += MIB) yield bytes.subarray(at, at + MIB)
      throw new Error('the line was cut')
    }
    await assert.rejects(storage.put('resumed', cut(), { resume: 'try' }), /the line was cut/)
    const { through, parts } = await counting()
    const file = await through.put('resumed', bytes, { resume: 'try' })
    assert.equal(parts(), 2, 'three of five parts were there')
    assert.equal(file.sha256, createHash('sha256').update(bytes).digest('hex'))
    assert.equal(
      createHash('sha256')
        .update(await buffer((await storage.get('resumed')).body))
        .digest('hex'),
      file.sha256,
    )
    // Another body under the same name is seen to be another.
    await assert.rejects(storage.put('resumed', cut(), { resume: 'again' }), /the line was cut/)
    const other = randomBytes(23 * MIB)
    assert.equal(
      (await through.put('resumed', other, { resume: 'again' })).sha256,
      createHash('sha256').update(other).digest('hex'),
    )
  })

  it('S9 sweeps away what cut off uploads have left', async () => {
    const cut = async function* () {
      yield Buffer.alloc(11 * MIB)
      throw new Error('cut')
    }
    await assert.rejects(storage.put('left', cut(), { resume: 'never' }), /cut/)
    const { through, parts } = await counting()
    await (await open(url, 1)).close()
    const sweeping = await open(url, 1)
    await sweeping.close()
    await through.put('left', Buffer.alloc(11 * MIB), { resume: 'never' })
    assert.equal(parts(), 3, 'nothing of the first attempt was left')
  })

  it('S8 lets people download and upload straight from and to the bucket, and nothing else', async () => {
    await storage.put('s8/ü & +?#%/x.txt', 'content', { contentType: 'text/plain' })
    const get = await storage.signedUrl('s8/ü & +?#%/x.txt', {
      method: 'GET',
      expiresIn: '10m',
      downloadAs: 'Rechnung "1".pdf',
    })
    const answer = await fetch(get)
    assert.equal(await answer.text(), 'content')
    assert.equal(answer.headers.get('content-disposition'), `attachment; filename*=UTF-8''Rechnung%20%221%22.pdf`)
    const part = await fetch(get, { headers: { range: 'bytes=1-3' } })
    assert.deepEqual([part.status, await part.text()], [206, 'ont'])
    const same = await fetch(get, { headers: { 'if-none-match': answer.headers.get('etag')! } })
    assert.equal(same.status, 304)
    const put = await storage.signedUrl('s8/up', { method: 'PUT', expiresIn: '10m', contentType: 'image/png' })
    const send = async (to: string, method: string, type: string): Promise<number> =>
      (await fetch(to, { method, headers: { 'content-type': type }, ...(method === 'PUT' && { body: PNG }) })).status
    for (const [to, method, type] of [
      [get, 'PUT', 'text/plain'],
      [put, 'GET', 'image/png'],
      [put, 'PUT', 'text/html'],
      [put.replace('/up', '/other'), 'PUT', 'image/png'],
      [put.replace(/Expires=\d+/, 'Expires=99999'), 'PUT', 'image/png'],
      [new URL(put).origin + new URL(put).pathname, 'PUT', 'image/png'],
    ] as const) {
      assert.equal(await send(to, method, type), 403, `${method} ${to}`)
    }
    assert.deepEqual(await filesIn('s8/up'), [])
    assert.equal(await send(put, 'PUT', 'image/png'), 200)
    const short = await storage.signedUrl('s8/up', { method: 'GET', expiresIn: '1s' })
    await until(async () => (await fetch(short)).status === 403)
  })

  it('S3 S6 knows of what came straight from a browser its checksum, and whether an image is one', async () => {
    const upload = async (key: string, body: Buffer, options = {}): Promise<number> => {
      const {
        method,
        url: to,
        fields,
      } = await storage.uploadTicket(key, { expiresIn: '10m', maxBytes: 100, ...options })
      const form = new FormData()
      for (const [name, value] of Object.entries(fields!)) form.set(name, value)
      form.set('file', new Blob([new Uint8Array(body)]))
      return (await fetch(to, { method, body: form })).status
    }
    assert.equal(await upload('direct/a', PNG, { contentType: 'image/png' }), 204)
    assert.deepEqual(await upload('direct/big', Buffer.alloc(101)), 400)
    assert.equal(
      await upload('direct/lie', Buffer.from('<script>alert(1)</script>'), { contentType: 'image/png' }),
      204,
    )
    const file = await storage.head('direct/a')
    assert.equal(file?.sha256, createHash('sha256').update(PNG).digest('hex'))
    assert.deepEqual([file.contentType, file.size], ['image/png', PNG.length])
    const lie = await storage.get('direct/lie')
    assert.equal(lie.file.contentType, 'application/octet-stream')
    assert.equal(await text(lie.body), '<script>alert(1)</script>')
    assert.deepEqual(await filesIn('direct/'), ['direct/a', 'direct/lie'])
  })

  it('keeps apart what lies under different prefixes of one bucket', async () => {
    const address = new URL(url)
    address.pathname = '/one app/ü'
    const inside = await open(address.href)
    await inside.put('x', 'inside')
    await inside.put('y', Buffer.alloc(6 * MIB))
    assert.deepEqual(
      (await inside.list('')).files.map((file) => file.key),
      ['x', 'y'],
    )
    assert.equal(await text((await storage.get('one app/ü/x')).body), 'inside')
    assert.equal(await storage.head('x'), undefined)
  })

  it('says what is wrong, and tells nobody the secret', async () => {
    const wrong = new URL(url)
    wrong.password = 'wrong-secret'
    const refused = {
      code: 'TF_STORAGE_REFUSED',
      message: "The object storage refused PUT 'x': SignatureDoesNotMatch (403).",
    }
    await assert.rejects((await open(wrong.href)).put('x', 'x'), refused)
    const away = new URL(url)
    away.searchParams.set('endpoint', 'http://127.0.0.1:1')
    await assert.rejects((await open(away.href)).head('x'), { code: 'TF_STORAGE_AWAY', status: 503 })
    for (const bad of ['s3://', 's3://bucket', 's3://key:secret-word@', 's3://key:secret-word@b?endpoint=nonsense']) {
      await assert.rejects(open(bad), (error: Error & { code: string }) => {
        assert.equal(error.code, 'TF_STORAGE_URL')
        return !error.message.includes('secret-word')
      })
    }
    await assert.rejects(storage.put('.tenfold-uploads/x', 'x'), { code: 'TF_STORAGE_KEY' })
  })
})

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)])

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it did not come true within 15 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

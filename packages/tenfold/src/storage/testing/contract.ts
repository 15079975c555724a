import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fakeClock } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Storage } from '../storage.ts'

/** Two instances of one app on one storage. */
export interface StorageBackend {
  a: Storage
  b: Storage
  /** Whether signed URLs without a limit of bytes lead to a server of the storage's own. */
  direct?: boolean
  close(): Promise<void>
}

type Promises = 'S1' | 'S2' | 'S3' | 'S4' | 'S5' | 'S6' | 'S7' | 'S8' | 'S9'

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)])

/** Proves S1 to S8 of a backend. */
export function describeStorageContract(
  backend: string,
  open: (clock: Clock) => Promise<StorageBackend>,
  { cannot = {} }: { cannot?: Partial<Record<Promises, string>> } = {},
): void {
  const promise = (id: Promises, says: string, run: () => Promise<void>): void => {
    const reason = cannot[id]
    it(`${id} ${says}`, reason === undefined ? {} : { skip: reason }, run)
  }

  describe(`storage on ${backend}`, () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1))
    let opened: StorageBackend
    let a: Storage
    let b: Storage
    before(async () => {
      opened = await open(clock)
      ;({ a, b } = opened)
    })
    after(() => opened.close())
    const textOf = async (storage: Storage, key: string): Promise<string> =>
      (await buffer((await storage.get(key)).body)).toString()
    const keysOf = async (prefix: string): Promise<string[]> => (await a.list(prefix)).files.map((file) => file.key)

    promise('S1', 'is read on one instance as it was written on another, and replaced as a whole', async () => {
      await a.put('s1/file.txt', 'one', { contentType: 'text/plain' })
      const old = await b.get('s1/file.txt')
      await b.put('s1/file.txt', 'two, longer')
      assert.equal((await buffer(old.body)).toString(), 'one', 'an open reader goes on with the old file')
      assert.equal(await textOf(a, 's1/file.txt'), 'two, longer')
      assert.equal(await a.delete('s1/file.txt'), true)
      assert.equal(await b.delete('s1/file.txt'), false)
      assert.equal(await b.head('s1/file.txt'), undefined)
      await assert.rejects(b.get('s1/file.txt'), { code: 'TF_STORAGE_NOT_FOUND' })
    })

    promise('S1', 'shows nothing of an upload that fails, and keeps what was there', async () => {
      await a.put('s1/kept', 'before')
      const broken = async function* () {
        yield Buffer.alloc(300_000)
        throw new Error('the client went away')
      }
      await assert.rejects(a.put('s1/kept', broken()), /went away/)
      await assert.rejects(a.put('s1/new', broken()), /went away/)
      await assert.rejects(a.put('s1/new', 'x'.repeat(101), { maxBytes: 100 }), { code: 'TF_STORAGE_TOO_LARGE' })
      const stop = new AbortController()
      const endless = async function* () {
        for (let i = 0; ; i++) {
          if (i === 3) stop.abort()
          await new Promise((resolve) => setImmediate(resolve))
          yield Buffer.alloc(1000)
        }
      }
      await assert.rejects(a.put('s1/new', endless(), { signal: stop.signal }), { name: 'AbortError' })
      assert.equal(await textOf(b, 's1/kept'), 'before')
      assert.deepEqual(await keysOf('s1/'), ['s1/kept'])
    })

    promise('S1', 'survives many writers and deleters of one folder', async () => {
      const work = Array.from({ length: 60 }, async (_, i) => {
        const storage = i % 2 ? a : b
        for (let round = 0; round < 5; round++) {
          await storage.put(`busy/x/${i % 3}`, `${i}`)
          await storage.delete(`busy/x/${(i + round) % 3}`)
        }
      })
      await Promise.all(work)
      for (const key of await keysOf('busy/')) await a.delete(key)
      assert.deepEqual(await keysOf('busy/'), [])
    })

    promise('S1', 'writes a file only once if it is told to, however many try', async () => {
      const tries = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).put('s1/once', `${i}`, { ifAbsent: true })),
      )
      const won = tries.findIndex((one) => one.status === 'fulfilled')
      assert.equal(tries.filter((one) => one.status === 'fulfilled').length, 1)
      assert.equal(await textOf(a, 's1/once'), String(won))
      await assert.rejects(a.put('s1/once', 'late', { ifAbsent: true }), { code: 'TF_STORAGE_EXISTS', status: 409 })
      await a.put('s1/once', 'replaced')
      assert.equal(await textOf(b, 's1/once'), 'replaced')
    })

    promise('S2', 'takes bodies of every kind', async () => {
      const parts = ['Grüße, ', Buffer.from('wo'), 'rld']
      const bodies = [
        'Grüße, world',
        Buffer.from('Grüße, world'),
        Readable.from(parts),
        ReadableStream.from(parts.map((part) => Buffer.from(part))),
        (async function* () {
          yield* parts
        })(),
      ]
      for (const body of bodies) {
        const file = await a.put('s2', body as Parameters<Storage['put']>[1])
        assert.equal(file.size, 14)
        assert.equal(await textOf(b, 's2'), 'Grüße, world')
      }
      await a.put('s2', '')
      assert.equal(await textOf(b, 's2'), '')
    })

    promise('S2', 'may be given the same buffer again and again', async () => {
      const one = Buffer.alloc(10)
      const reused = function* () {
        for (let i = 0; i < 5; i++) yield one.fill(String(i))
      }
      await a.put('s2', Readable.from(reused()))
      assert.equal(
        await textOf(a, 's2'),
        '0'.repeat(10) + '1'.repeat(10) + '2'.repeat(10) + '3'.repeat(10) + '4'.repeat(10),
      )
    })

    promise('S2', 'gives ranges', async () => {
      await a.put('s2', '0123456789')
      const read = async (range: { start: number; end?: number } | { last: number }) => {
        const { body, range: part } = await b.get('s2', { range })
        return [(await buffer(body)).toString(), part]
      }
      assert.deepEqual(await read({ start: 2, end: 4 }), ['234', { start: 2, end: 4 }])
      assert.deepEqual(await read({ start: 7 }), ['789', { start: 7, end: 9 }])
      assert.deepEqual(await read({ start: 7, end: 100 }), ['789', { start: 7, end: 9 }])
      assert.deepEqual(await read({ last: 3 }), ['789', { start: 7, end: 9 }])
      assert.deepEqual(await read({ last: 100 }), ['0123456789', { start: 0, end: 9 }])
      for (const range of [
        { start: 10 },
        { start: 5, end: 4 },
        { start: -1 },
        { start: 0.5 },
        { last: 0 },
        { start: NaN },
      ]) {
        await assert.rejects(b.get('s2', { range }), { code: 'TF_STORAGE_RANGE' })
      }
    })

    promise('S3', 'keeps size and checksum, and checks one that is announced', async () => {
      const body = Buffer.from('checked')
      const sha256 = createHash('sha256').update(body).digest('hex')
      const file = await a.put('s3', body, { sha256: sha256.toUpperCase(), contentType: 'text/plain; charset=utf-8' })
      assert.deepEqual(file, {
        key: 's3',
        size: 7,
        contentType: 'text/plain; charset=utf-8',
        sha256,
        modifiedAt: clock.now(),
      })
      assert.deepEqual(await b.head('s3'), file)
      assert.deepEqual((await a.copy('s3', 's3-copy')).sha256, sha256)
      assert.equal((await b.head('s3-copy'))?.contentType, 'text/plain; charset=utf-8')
      await assert.rejects(a.put('s3', 'changed', { sha256 }), { code: 'TF_STORAGE_CHECKSUM' })
      assert.equal(await textOf(b, 's3'), 'checked')
      await assert.rejects(a.copy('nothing', 's3'), { code: 'TF_STORAGE_NOT_FOUND' })
    })

    promise('S4', 'tells all keys apart, however odd', async () => {
      const keys = ODD.map((key) => `odd/${key}`).concat(ODD.map((key) => key.slice(0, 900)))
      assert.equal(new Set(keys).size, keys.length)
      await Promise.all(keys.map((key) => a.put(key, `content of ${key}`)))
      await Promise.all(keys.map(async (key) => assert.equal(await textOf(b, key), `content of ${key}`)))
      const listed = await keysOf('odd/')
      assert.deepEqual(listed, ODD.map((key) => `odd/${key}`).sort(byBytes))
      await Promise.all(keys.map(async (key) => assert.equal(await b.delete(key), true)))
      assert.deepEqual(await keysOf('odd/'), [])
    })

    promise('S4', 'refuses what is not a key, in every operation', async () => {
      const bad = [
        '',
        '.',
        '..',
        '../x',
        'a/../b',
        'a/..',
        './a',
        'nul\0',
        'half \ud800',
        'x'.repeat(1025),
        'ü'.repeat(513),
      ]
      for (const key of bad) {
        const attempts = [
          () => a.put(key, 'x'),
          () => a.get(key),
          () => a.head(key),
          () => a.delete(key),
          () => a.copy(key, 'x'),
          () => a.signedUrl(key, { method: 'GET', expiresIn: '1m' }),
        ]
        for (const attempt of attempts) await assert.rejects(attempt, { code: 'TF_STORAGE_KEY' })
      }
    })

    promise('S6', 'goes by the bytes of what is said to be an image', async () => {
      assert.equal((await a.put('s6', PNG)).contentType, 'image/png')
      assert.equal((await a.put('s6', PNG, { contentType: 'image/jpeg' })).contentType, 'image/png')
      assert.equal((await a.put('s6', '<svg/>', { contentType: 'image/svg+xml' })).contentType, 'image/svg+xml')
      assert.equal((await a.put('s6', '<script>')).contentType, 'application/octet-stream')
      for (const contentType of ['image/png', 'IMAGE/PNG', 'image/x-unknown']) {
        await assert.rejects(a.put('s6', '<script>alert(1)</script>', { contentType }), { code: 'TF_STORAGE_TYPE' })
      }
      for (const contentType of ['', 'text', 'text/html\r\nset-cookie: x', 'a/b; c', 'image/png, text/html']) {
        await assert.rejects(a.put('s6', 'x', { contentType }), { code: 'TF_STORAGE_TYPE_INVALID' })
      }
    })

    promise('S7', 'lists in pages, in the order of the bytes of the keys', async () => {
      const keys = ['a', 'a-b', 'a/1', 'a/2/x', 'a/2', 'ab', 'b', 'B', 'é', 'z/ü', '🙂'].map((key) => `s7/${key}`)
      for (const key of keys) await a.put(key, key)
      const sorted = keys.toSorted(byBytes)
      assert.deepEqual(await keysOf('s7/'), sorted)
      assert.deepEqual(await keysOf('s7/a/2'), ['s7/a/2', 's7/a/2/x'])
      assert.deepEqual(await keysOf('s7/nothing'), [])
      for (const limit of [1, 2, 3, 11]) {
        const paged: string[] = []
        let after: string | undefined
        do {
          const page = await b.list('s7/', { limit, ...(after !== undefined && { after }) })
          assert.ok(page.files.length > 0 && page.files.length <= limit)
          paged.push(...page.files.map((file) => file.key))
          after = page.next
        } while (after !== undefined)
        assert.deepEqual(paged, sorted)
      }
    })

    promise('S8', 'signs URLs of its own that allow one method on one key until they expire', async () => {
      const key = 's8/ü & ?#%/x.pdf'
      const put = await a.signedUrl(key, { method: 'PUT', expiresIn: '10m', contentType: 'image/png', maxBytes: 1000 })
      assert.deepEqual(b.verify({ method: 'PUT', url: put }), {
        method: 'PUT',
        key,
        contentType: 'image/png',
        maxBytes: 1000,
      })
      const wrong = { code: 'TF_STORAGE_SIGNATURE', status: 403 }
      assert.throws(() => b.verify({ method: 'GET', url: put }), wrong)
      for (const url of tampered(put)) assert.throws(() => b.verify({ method: 'PUT', url }), wrong, url)
      if (!opened.direct) {
        const get = await a.signedUrl(key, { method: 'GET', expiresIn: '10m', downloadAs: 'Rechnung "1".pdf' })
        assert.deepEqual(b.verify({ method: 'GET', url: get }), { method: 'GET', key, downloadAs: 'Rechnung "1".pdf' })
        assert.deepEqual(b.verify({ method: 'HEAD', url: get }).key, key)
        assert.throws(() => b.verify({ method: 'PUT', url: get }), wrong)
        const ticket = await a.uploadTicket(key, { expiresIn: '10m', maxBytes: 10 })
        assert.equal(ticket.method, 'PUT')
        assert.equal(b.verify({ method: 'PUT', url: ticket.url }).maxBytes, 10)
      }
      await clock.advance(10 * 60_000 - 1)
      assert.ok(b.verify({ method: 'PUT', url: put }))
      await clock.advance(1)
      assert.throws(() => b.verify({ method: 'PUT', url: put }), { ...wrong, message: 'This link has expired.' })
    })
  })
}

/** Each one is a name that some file system, shell or decoder would trip over. */
const ODD = [
  'a',
  'A',
  'a.',
  'a..',
  'a ',
  ' a',
  'a/b',
  'a//b',
  'a/',
  'a/.b',
  '...',
  '/absolute',
  '//x',
  'C:\\windows\\x',
  'con',
  'nul.txt',
  'aux/x',
  '%2e%2e/x',
  '%2e%2e%2fx',
  'a+b',
  'a~b',
  '~',
  '+',
  'x.file',
  'x.file/y',
  'a\nb',
  'a\tb',
  'a\\b',
  'a*b?c|d<e>f"g\'h`i$j;k&l',
  'é (composed)',
  'é (decomposed)',
  'ﬁ',
  'русский/ключ',
  '日本語',
  '🙂.png',
  '\u202egnp.exe',
  '\ufeffbom',
  'x'.repeat(179),
  'x'.repeat(180),
  'x'.repeat(181),
  `${'x'.repeat(180)}/y`,
  `${'x'.repeat(180)}-y`,
  'x'.repeat(1000),
  'ü'.repeat(500),
  'd/'.repeat(100),
  '/'.repeat(200),
  '-rf',
  '__proto__',
  'constructor',
]

function byBytes(a: string, b: string): number {
  return Buffer.from(a).compare(Buffer.from(b))
}

/** The URL with each of its parts changed. */
function tampered(url: string): string[] {
  const changed: string[] = [
    url.slice(0, -1),
    `${url}x`,
    url.replace('/_files/', '/_files/x'),
    url.replace('/_files/', '/x/'),
  ]
  const parsed = new URL(url, 'http://local')
  const other = new URL(parsed)
  other.pathname = `/_files/${Buffer.from('s8/other').toString('base64url')}`
  changed.push(other.href)
  for (const name of parsed.searchParams.keys()) {
    for (const value of [undefined, '', '9999999999', 'text/html', 'PATCH']) {
      const next = new URL(parsed)
      if (value === undefined) next.searchParams.delete(name)
      else next.searchParams.set(name, value)
      changed.push(next.href)
    }
  }
  const added = new URL(parsed)
  added.searchParams.set('n', 'x.html')
  changed.push(added.href)
  return changed
}

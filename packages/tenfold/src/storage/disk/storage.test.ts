import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, beforeEach, describe, it } from 'node:test'
import { systemClock } from '../../kernel/index.ts'
import { openStorage } from '../index.ts'
import type { Storage } from '../index.ts'
import { createSigner } from './signer.ts'
import { openDiskStorage } from './storage.ts'

describe('storage on disk', () => {
  let home: string
  let directory: string
  let storage: Storage
  let made = 0
  const openAt = (url: string): Promise<Storage> => openStorage({ url, secrets: ['secret'], clock: systemClock })
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'tenfold-disk-'))
  })
  beforeEach(async () => {
    await storage?.close()
    directory = join(home, String(++made))
    storage = await openAt(directory)
  })
  after(async () => {
    await storage.close()
    await rm(home, { recursive: true })
  })
  const leftOvers = (): Promise<string[]> => readdir(join(directory, 'uploads'))

  it('S2 writes and reads 300 MB in little memory, at the speed of a slow reader', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const chunks = (300 * 1024 * 1024) / chunk.length
    const peak = await peakOfMemory(async () => {
      await storage.put('big', Readable.from(Array.from({ length: chunks }, () => chunk)))
      const slow = new Writable({ highWaterMark: 1024, write: (_chunk, _encoding, done) => void setImmediate(done) })
      await pipeline((await storage.get('big')).body, slow)
    })
    assert.equal((await storage.head('big'))?.size, 300 * 1024 * 1024)
    assert.ok(peak < 100 * 1024 * 1024, `memory grew by ${Math.round(peak / 1024 / 1024)} MB`)
  })

  it('S2 asks a source for more only when it has written what it was given', async () => {
    const given = { bytes: 0 }
    const sizeOfUpload = async (): Promise<number> => {
      const handle = await open(join(directory, 'uploads', (await leftOvers())[0]!))
      const { size } = await handle.stat()
      await handle.close()
      return size
    }
    const source = Readable.from(
      (async function* () {
        for (let i = 0; i < 200; i++) {
          given.bytes += 1024 * 1024
          yield Buffer.alloc(1024 * 1024)
          assert.ok(given.bytes - (await sizeOfUpload()) <= 8 * 1024 * 1024, 'the source ran ahead of the disk')
        }
      })(),
    )
    await storage.put('paced', source)
  })

  it('S1 leaves nothing behind after a failed upload', async () => {
    const broken = Readable.from(
      (function* () {
        yield Buffer.alloc(500_000)
        throw new Error('gone')
      })(),
    )
    await assert.rejects(storage.put('x', broken), /gone/)
    await assert.rejects(storage.put('x', 'abc', { maxBytes: 2 }))
    assert.deepEqual(await leftOvers(), [])
  })

  it('S1 shows nothing of an upload whose process was killed, and sweeps it away later', async () => {
    const script = new URL('./upload.fixture.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const [left] = await leftOvers()
    assert.ok(left)
    assert.deepEqual((await storage.list('')).files, [])

    await (await openAt(directory)).close()
    assert.deepEqual(await leftOvers(), [left], 'it may still be under way')
    const long = Date.now() / 1000 - 2 * 3600
    await utimes(join(directory, 'uploads', left), long, long)
    await (await openAt(directory)).close()
    assert.deepEqual(await leftOvers(), [])
  })

  it('S1 sweeps while it runs, too', async () => {
    const signer = createSigner({ secrets: ['s'], baseUrl: '', clock: systemClock })
    const running = await openDiskStorage({ directory, clock: systemClock, signer, staleAfter: 20 })
    const path = join(directory, 'uploads', 'left')
    await writeFile(path, 'x')
    await utimes(path, 1, 1)
    const deadline = Date.now() + 5000
    while ((await leftOvers()).length > 0) {
      assert.ok(Date.now() < deadline, 'it was not removed')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await running.close()
  })

  it('S5 follows no symbolic link, neither to a folder nor to a file', async () => {
    const outside = join(home, 'outside')
    await mkdir(outside)
    await storage.put('real/x', 'inside')
    await writeFile(join(outside, 'x.file'), 'secret')
    await symlink(outside, join(directory, 'files', 'link'))
    await symlink(join(outside, 'x.file'), join(directory, 'files', 'direct.file'))
    const escape = { code: 'TF_STORAGE_ESCAPE' }
    for (const key of ['link/x', 'direct']) await assert.rejects(storage.get(key), escape)
    await assert.rejects(storage.put('link/y', 'z'), escape)
    await assert.rejects(storage.put('link/deep/er/y', 'z'), escape)
    await assert.rejects(storage.delete('link/x'), escape)
    await assert.rejects(storage.copy('real/x', 'link/y'), escape)
    assert.deepEqual(
      (await storage.list('')).files.map((file) => file.key),
      ['real/x'],
    )
    assert.deepEqual(await readdir(outside), ['x.file'])
    await storage.put('direct', 'mine')
    assert.equal((await storage.head('direct'))?.size, 4, 'a link in the place of a file is replaced, not followed')
  })

  it('S3 says so when a stored file is damaged', async () => {
    const path = join(directory, 'files', 'x.file')
    for (const damage of [0, 5, 40]) {
      await storage.put('x', 'content')
      const handle = await open(path, 'r+')
      await handle.truncate(damage)
      await handle.close()
      await assert.rejects(storage.get('x'), { code: 'TF_STORAGE_DAMAGED' })
    }
  })

  it('removes folders that become empty', async () => {
    await storage.put('a/b/c/d', 'x')
    await storage.put('a/b/e', 'x')
    await storage.delete('a/b/c/d')
    assert.deepEqual(await readdir(join(directory, 'files', 'a', 'b')), ['e.file'])
    await storage.delete('a/b/e')
    assert.deepEqual(await readdir(join(directory, 'files')), [])
  })

  it('refuses a URL that names no storage it knows', async () => {
    await assert.rejects(openAt('ftp://files.example/x'), { code: 'TF_STORAGE_URL' })
    const same = await openAt(new URL(`file://${directory}`).href)
    await storage.put('x', 'x')
    assert.ok(await same.head('x'))
    await same.close()
  })
})

/** By how many bytes the memory of this process grew at most. */
async function peakOfMemory(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
  await work().finally(() => clearInterval(timer))
  return Math.max(peak, process.memoryUsage.rss()) - before
}

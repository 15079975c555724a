/** How backups lie in storage. A manifest is written last: a backup is there when its manifest is. They lie apart, so that
 *  damaged data is in nobody's way to the other backups.
 *
 *    tenfold.backups/manifests/<id>.json
 *    tenfold.backups/data/<id>/base.tar.zst | dump.zst
 *    tenfold.backups/failed/<id>.json                      attempts that failed
 *    tenfold.backups/log/<system>/<segment>.zst            the server's log, see archive.ts */
import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { messageOf, TenfoldError } from '../kernel/index.ts'
import type { Storage, StoredFile } from '../storage/index.ts'
import type { Failure, Manifest } from './backup.ts'
import { BackupDamaged, BackupDiskFull, BackupUnknown } from './errors.ts'

const ROOT = 'tenfold.backups'
const MANIFESTS = `${ROOT}/manifests/`
const DATA = `${ROOT}/data/`
const FAILED = `${ROOT}/failed/`
/** An upload without a manifest may still be going on. */
const ORPHAN_MS = 2 * 86_400_000
const FAILURES_MS = 30 * 86_400_000

export function dataKey(id: string, file: string): string {
  return `${DATA}${id}/${file}`
}

export function logPrefix(system: string): string {
  return `${ROOT}/log/${system}/`
}

/** Stores a stream, compressed. */
export async function putCompressed(
  storage: Storage,
  key: string,
  source: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<{ file: StoredFile; rawSize: number }> {
  let rawSize = 0
  const zstd = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  })
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      rawSize += chunk.length
      done(null, chunk)
    },
  })
  const compressing = pipeline(Readable.from(source, { objectMode: false }), count, zstd)
  const storing = storage.put(key, zstd, { maxBytes: Infinity, ...(signal && { signal }) })
  // Either side may fail first, and takes the other with it; the first reason is the one that counts.
  storing.catch((error: unknown) => zstd.destroy(error as Error))
  const [compressed, stored] = await Promise.allSettled([compressing, storing])
  if (compressed.status === 'rejected' && stored.status === 'fulfilled') await storage.delete(key)
  if (stored.status === 'rejected') {
    const early = compressed.status === 'rejected' && !isAbort(compressed.reason) ? compressed.reason : stored.reason
    throw fullOr(early, `storing ${key}`)
  }
  if (compressed.status === 'rejected') throw fullOr(compressed.reason, `storing ${key}`)
  return { file: stored.value, rawSize }
}

/** The stored bytes as they were before compression. Throws TF_BACKUP_DAMAGED, at the latest after the last byte. */
export async function* readCompressed(storage: Storage, key: string, sha256?: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  const damaged = (reason: string, cause?: unknown): Error => BackupDamaged({ file: key, reason }, { cause })
  const { file, body } = await storage.get(key).catch((error: unknown) => {
    throw damaged(messageOf(error), error)
  })
  const zstd = createZstdDecompress()
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const feeding = pipeline(body, checked, zstd)
  feeding.catch(() => {}) // told below
  try {
    for await (const chunk of zstd) yield chunk as Buffer
    await feeding
  } catch (error) {
    throw damaged(`it cannot be unpacked (${messageOf(error)})`, error)
  } finally {
    body.destroy()
  }
  if (hash.digest('hex') !== (sha256 ?? file.sha256)) throw damaged('its checksum is not the one of the backup')
}

/** Compares the stored bytes with the checksum, before anything is made of them. */
export async function checkStored(storage: Storage, key: string, sha256: string, size: number): Promise<void> {
  const hash = createHash('sha256')
  let found = 0
  try {
    const { body } = await storage.get(key)
    for await (const chunk of body) {
      hash.update(chunk as Buffer)
      found += (chunk as Buffer).length
    }
  } catch (error) {
    throw BackupDamaged({ file: key, reason: messageOf(error) }, { cause: error })
  }
  if (found !== size) throw BackupDamaged({ file: key, reason: `it has ${found} bytes instead of ${size}` })
  if (hash.digest('hex') !== sha256)
    throw BackupDamaged({ file: key, reason: 'its checksum is not the one of the backup' })
}

export async function writeManifest(storage: Storage, manifest: Manifest): Promise<void> {
  await putJson(storage, `${MANIFESTS}${manifest.id}.json`, manifest)
}

/** Newest first. */
export async function listManifests(storage: Storage): Promise<Manifest[]> {
  const manifests: Manifest[] = []
  for await (const { key } of filesUnder(storage, MANIFESTS)) manifests.push(await readJson<Manifest>(storage, key))
  return manifests.sort((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1))
}

export async function findManifest(storage: Storage, id: string): Promise<Manifest> {
  const all = await listManifests(storage)
  const found = id === 'latest' ? all[0] : all.find((one) => one.id === id)
  if (!found) throw BackupUnknown({ id })
  return found
}

/** The manifest goes first: from then on the backup is not listed, however far this gets. */
export async function removeBackup(storage: Storage, { id, file }: Manifest): Promise<void> {
  await storage.delete(`${MANIFESTS}${id}.json`)
  await storage.delete(file)
}

/** Data without a manifest, of backups that were killed, and old reports of failures. */
export async function removeLeftovers(storage: Storage, now: number): Promise<void> {
  const listed = new Set((await listManifests(storage)).map(({ id }) => id))
  for await (const { key, modifiedAt } of filesUnder(storage, DATA)) {
    const id = key.slice(DATA.length).split('/')[0] ?? ''
    if (!listed.has(id) && now - modifiedAt > ORPHAN_MS) await storage.delete(key)
  }
  for await (const { key, modifiedAt } of filesUnder(storage, FAILED)) {
    if (now - modifiedAt > FAILURES_MS) await storage.delete(key)
  }
}

export async function writeFailure(storage: Storage, failure: Failure): Promise<void> {
  await putJson(storage, `${FAILED}${failure.id}.json`, failure)
}

/** The last attempt that failed. */
export async function lastFailure(storage: Storage): Promise<Failure | undefined> {
  let last: string | undefined
  for await (const { key } of filesUnder(storage, FAILED)) last = key // ids begin with their time
  return last === undefined ? undefined : readJson<Failure>(storage, last)
}

export async function* filesUnder(storage: Storage, prefix: string): AsyncGenerator<StoredFile> {
  let after: string | undefined
  for (;;) {
    const page = await storage.list(prefix, after === undefined ? {} : { after })
    yield* page.files
    if (page.next === undefined) return
    after = page.next
  }
}

export async function putJson(storage: Storage, key: string, value: unknown): Promise<void> {
  await storage
    .put(key, JSON.stringify(value, null, 2), { contentType: 'application/json' })
    .catch((error: unknown) => {
      throw fullOr(error, `storing ${key}`)
    })
}

export async function readJson<T>(storage: Storage, key: string): Promise<T> {
  try {
    return JSON.parse(await text((await storage.get(key)).body)) as T
  } catch (error) {
    throw BackupDamaged({ file: key, reason: messageOf(error) }, { cause: error })
  }
}

/** A full disk has a code of its own. */
export function fullOr(error: unknown, doing: string): unknown {
  if (error instanceof TenfoldError) return error
  const full = (error as { code?: string }).code === 'ENOSPC' || messageOf(error).includes('No space left on device')
  return full ? BackupDiskFull({ what: doing }, { cause: error }) : error
}

function isAbort(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string }
  return name === 'AbortError' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

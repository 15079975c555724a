import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { bytesOf, isWhole, MAX_BYTES, streamOf } from '../body.ts'
import { StorageChecksum, StorageTooLarge } from '../errors.ts'
import { SNIFF_BYTES, typeOf } from '../sniff.ts'
import type { Body, PutOptions } from '../storage.ts'
import type { About } from './trailer.ts'

/** Chunks are gathered up to this size before they are written, in one of two buffers that take turns: new ones would wait for the
 *  garbage collector by the ten megabytes. */
const WRITE_BYTES = 256 * 1024
/** Most files are small. */
const FIRST_BYTES = 16 * 1024

/** Writes a body to an open file, and tells what it was. The next chunk is asked for when the last one is written: that
 *  is the back-pressure (S2). */
export async function writeBody(
  handle: FileHandle,
  key: string,
  body: Body,
  options: PutOptions,
  now: number,
): Promise<About> {
  const { maxBytes = MAX_BYTES, contentType, sha256: expected } = options
  const hash = createHash('sha256')
  let size = 0
  let head = Buffer.alloc(0)
  let gathered: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  let spare: Buffer = Buffer.alloc(0)
  let filled = 0

  const gather = async (bytes: Buffer): Promise<void> => {
    const wanted = filled + bytes.length
    if (wanted > gathered.length) gathered = larger(gathered, filled, wanted)
    if (wanted <= gathered.length) {
      filled += bytes.copy(gathered, filled)
      return
    }
    // Its owner may use the buffer of a chunk again as soon as we wait: what it holds is copied before that.
    const full = gathered.subarray(0, filled)
    const own = bytes.length <= WRITE_BYTES ? undefined : isWhole(body) ? bytes : Buffer.from(bytes)
    ;[gathered, spare] = [spare.length === WRITE_BYTES ? spare : Buffer.allocUnsafeSlow(WRITE_BYTES), gathered]
    filled = own ? 0 : bytes.copy(gathered)
    await writeAll(handle, full)
    if (own) await writeAll(handle, own)
  }
  for await (const chunk of streamOf(body, options.signal)) {
    const bytes = bytesOf(chunk)
    size += bytes.length
    if (size > maxBytes) throw StorageTooLarge({ key, maxBytes })
    if (head.length < SNIFF_BYTES) {
      head = Buffer.concat([head, bytes.subarray(0, SNIFF_BYTES - head.length)])
      // Refused before gigabytes of it were written.
      if (head.length === SNIFF_BYTES) typeOf(key, contentType, head)
    }
    hash.update(bytes)
    await gather(bytes)
  }
  await writeAll(handle, gathered.subarray(0, filled))
  const sha256 = hash.digest('hex')
  if (expected !== undefined && expected.toLowerCase() !== sha256)
    throw StorageChecksum({ key, expected, actual: sha256 })
  return { size, contentType: typeOf(key, contentType, head), sha256, modifiedAt: now }
}

/** As it is when it is as large as it may be, or would not do anyway. */
function larger(buffer: Buffer, filled: number, wanted: number): Buffer {
  if (buffer.length === WRITE_BYTES || wanted > WRITE_BYTES) return buffer
  const made = Buffer.allocUnsafeSlow(Math.min(WRITE_BYTES, Math.max(wanted, buffer.length * 2)))
  buffer.copy(made, 0, 0, filled)
  return made
}

/** `write` may write less than it was given. */
export async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
}

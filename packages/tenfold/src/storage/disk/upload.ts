import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { bytesOf, MAX_BYTES, streamOf } from '../body.ts'
import { StorageChecksum, StorageTooLarge } from '../errors.ts'
import { SNIFF_BYTES, typeOf } from '../sniff.ts'
import type { Body, PutOptions } from '../storage.ts'
import type { About } from './trailer.ts'

/** Small chunks, such as the lines of an export, are gathered up to this size before they are written. */
const WRITE_BYTES = 256 * 1024

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
  let waiting: Buffer[] = []
  let waitingBytes = 0

  const write = async (): Promise<void> => {
    const chunks = waiting
    waiting = []
    waitingBytes = 0
    if (chunks.length === 1) await writeAll(handle, chunks[0]!)
    else if (chunks.length > 1) await writeAll(handle, Buffer.concat(chunks))
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
    // The owner may use its buffer again once it was asked for the next chunk.
    waiting.push(bytes.length < WRITE_BYTES ? Buffer.from(bytes) : bytes)
    waitingBytes += bytes.length
    if (waitingBytes >= WRITE_BYTES) await write()
  }
  await write()
  const sha256 = hash.digest('hex')
  if (expected !== undefined && expected.toLowerCase() !== sha256)
    throw StorageChecksum({ key, expected, actual: sha256 })
  return { size, contentType: typeOf(key, contentType, head), sha256, modifiedAt: now }
}

/** `write` may write less than it was given. */
export async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
}

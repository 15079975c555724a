import { createHash } from 'node:crypto'
import { randomHex } from '../../kernel/index.ts'
import { StorageChecksum, StorageTooLarge } from '../errors.ts'
import { SNIFF_BYTES, typeOf } from '../sniff.ts'
import { MAX_BYTES, streamOf, bytesOf } from '../body.ts'
import type { Body, PutOptions, StoredFile } from '../storage.ts'
import type { S3Client } from './client.ts'
import {
  abortMultipart,
  finishMultipart,
  headersOf,
  multipartsUnder,
  partsOf,
  startMultipart,
  type About,
  type Part,
} from './objects.ts'

export interface UploadOptions {
  client: S3Client
  /** Where unfinished uploads lie: no file does. */
  uploads: string
  /** Bytes of the first parts; a whole file that is smaller is sent at once. */
  partBytes: number
  now: () => number
}

/** What was written, and where: at its place already, or beside it. */
export type Written = Omit<StoredFile, 'key'> & { at: string | undefined }

/** Parts on their way at the same time. Each has a buffer of its own, and one more is being filled: that is all the memory
 *  that an upload takes, however large it is (S2). */
const SENDING = 2
/** After so many parts they become twice as large: 10,000 of them are allowed. */
const PARTS_OF_A_SIZE = 1000

/** Writes a body to the bucket. The name of a file is known from the start, its checksum only at the end: so a large one is
 *  written beside its place first, and then copied there by the server together with what is known of it. */
export async function writeObject(
  { client, uploads, partBytes, now }: UploadOptions,
  target: string,
  key: string,
  body: Body,
  options: PutOptions,
): Promise<Written> {
  const { maxBytes = MAX_BYTES, contentType, sha256: expected, resume, signal, ifAbsent } = options
  const hash = createHash('sha256')
  const head = Buffer.alloc(SNIFF_BYTES)
  const buffers = new Buffers()
  let size = 0
  let upload: Multipart | undefined
  let part: Buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, partBytes))
  let filled = 0

  const about = (): About & { size: number } => {
    const sha256 = hash.digest('hex')
    if (expected !== undefined && expected.toLowerCase() !== sha256)
      throw StorageChecksum({ key, expected, actual: sha256 })
    return { size, contentType: typeOf(key, contentType, head.subarray(0, size)), sha256, modifiedAt: now() }
  }
  const sendPart = async (): Promise<void> => {
    upload ??= await Multipart.open(client, `${uploads}${nameOf(key, resume)}`, resume !== undefined, signal)
    await upload.send(part.subarray(0, filled), part, buffers)
    part = buffers.take(partBytes * 2 ** Math.floor(upload.count / PARTS_OF_A_SIZE))
    filled = 0
  }

  try {
    for await (const chunk of streamOf(body, signal)) {
      let bytes = bytesOf(chunk)
      if (size < SNIFF_BYTES) {
        bytes.copy(head, size)
        // Refused before gigabytes of it were sent.
        if (size + bytes.length >= SNIFF_BYTES) typeOf(key, contentType, head)
      }
      size += bytes.length
      if (size > maxBytes) throw StorageTooLarge({ key, maxBytes })
      hash.update(bytes)
      while (bytes.length > 0) {
        if (filled === part.length) {
          if (part.length < partBytes && !upload) {
            part = grown(part, partBytes)
          } else {
            // While we wait, its owner may use the buffer again.
            bytes = Buffer.from(bytes)
            await sendPart()
          }
        }
        const taken = bytes.copy(part, filled)
        filled += taken
        bytes = bytes.subarray(taken)
      }
    }
    if (upload) {
      await sendPart()
      const known = about()
      await upload.finish()
      return { ...known, at: upload.key }
    }
    const known = about()
    const headers = { ...headersOf(known), ...(ifAbsent && { 'if-none-match': '*' }) }
    await client.ask({ method: 'PUT', key: target, headers, body: part.subarray(0, filled), ...(signal && { signal }) })
    return { ...known, at: undefined }
  } catch (error) {
    await upload?.giveUp(resume !== undefined)
    throw error
  }
}

/** Most files are small. */
const FIRST_BYTES = 64 * 1024

function grown(part: Buffer, most: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(most, part.length * 2))
  part.copy(larger)
  return larger
}

/** A resumed upload has a name that the next attempt finds. */
function nameOf(key: string, resume: string | undefined): string {
  return resume === undefined
    ? randomHex(16)
    : createHash('sha256')
        .update(JSON.stringify([key, resume]))
        .digest('hex')
}

class Multipart {
  readonly key: string
  readonly #client: S3Client
  readonly #uploadId: string
  readonly #arrived: Map<number, { etag: string; size: number }>
  readonly #signal: AbortSignal | undefined
  readonly #parts: Part[] = []
  readonly #sending = new Set<Promise<void>>()
  #failed: { error: unknown } | undefined
  count = 0

  static async open(
    client: S3Client,
    key: string,
    resumes: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Multipart> {
    const begun = resumes ? (await multipartsUnder(client, key)).at(-1)?.uploadId : undefined
    const arrived = begun ? await partsOf(client, key, begun) : new Map()
    return new Multipart(client, key, begun ?? (await startMultipart(client, key)), arrived, signal)
  }

  private constructor(
    client: S3Client,
    key: string,
    uploadId: string,
    arrived: Map<number, { etag: string; size: number }>,
    signal: AbortSignal | undefined,
  ) {
    this.#client = client
    this.key = key
    this.#uploadId = uploadId
    this.#arrived = arrived
    this.#signal = signal
  }

  /** Resolves when there is room for one more. */
  async send(bytes: Buffer, buffer: Buffer, buffers: Buffers): Promise<void> {
    const number = ++this.count
    const sending: Promise<void> = this.#sendOne(number, bytes)
      .catch((error: unknown) => void (this.#failed ??= { error }))
      .finally(() => {
        this.#sending.delete(sending)
        buffers.give(buffer)
      })
    this.#sending.add(sending)
    while (this.#sending.size >= SENDING) await Promise.race(this.#sending)
    if (this.#failed) throw this.#failed.error
  }

  async finish(): Promise<void> {
    await Promise.all(this.#sending)
    if (this.#failed) throw this.#failed.error
    this.#parts.sort((a, b) => a.number - b.number)
    await finishMultipart(this.#client, this.key, this.#uploadId, this.#parts)
  }

  /** @param keep whether the next attempt goes on with what is there */
  async giveUp(keep: boolean): Promise<void> {
    await Promise.all(this.#sending)
    if (!keep) await abortMultipart(this.#client, this.key, this.#uploadId)
  }

  async #sendOne(number: number, bytes: Buffer): Promise<void> {
    const known = this.#arrived.get(number)
    // The tag of a part is its MD5, as the protocol has it: good enough to see that it is the same, since both are ours.
    const same = known?.size === bytes.length && known.etag.replaceAll('"', '') === md5(bytes)
    this.#parts.push({ number, etag: same ? known.etag : await this.#put(number, bytes) })
  }

  async #put(number: number, body: Buffer): Promise<string> {
    const query = { partNumber: String(number), uploadId: this.#uploadId }
    const call = { method: 'PUT', key: this.key, query, body, ...(this.#signal && { signal: this.#signal }) } as const
    const { answer } = await this.#client.ask(call)
    return answer.headers.etag ?? ''
  }
}

/** Buffers that are used again and again: new ones would wait for the garbage collector by the hundred megabytes. */
class Buffers {
  readonly #free: Buffer[] = []

  take(bytes: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length === bytes)
    return at < 0 ? Buffer.allocUnsafeSlow(bytes) : this.#free.splice(at, 1)[0]!
  }

  give(buffer: Buffer): void {
    this.#free.push(buffer)
  }
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

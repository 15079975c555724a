import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { toMs } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { createSigner } from '../disk/signer.ts'
import { StorageExists, StorageNotFound, StorageRange, StorageRefused } from '../errors.ts'
import { checkKey } from '../key.ts'
import { partOf } from '../range.ts'
import { SNIFF_BYTES, typeOrBytes } from '../sniff.ts'
import type {
  GetOptions,
  ListOptions,
  OpenedFile,
  Page,
  PutOptions,
  SignOptions,
  Storage,
  StoredFile,
} from '../storage.ts'
import type { S3Address } from './address.ts'
import { openS3Client } from './client.ts'
import { abortMultipart, aboutOf, copyObject, multipartsUnder } from './objects.ts'
import { writeObject } from './upload.ts'
import { elementsIn, textIn } from './xml.ts'

export interface S3StorageOptions {
  address: S3Address
  clock: Clock
  /** For uploads that the app has to see to: those with a limit of bytes. */
  signer: ReturnType<typeof createSigner>
  /** How old an unfinished upload has to be to count as left behind, in ms. Defaults to 1 d. */
  staleAfter?: number
  /** Defaults to 5 MiB, the least that S3 takes: an upload holds three of them. */
  partBytes?: number
  /** Objects above this are copied in parts. Defaults to 1 GiB; the protocol allows 5. */
  copyBytes?: number
}

const UPLOADS = '.tenfold-uploads/'
const MAX_SECONDS = 7 * 86_400
/** How many objects of a page are looked at at the same time. */
const LOOKS = 16

/** Files in a bucket of S3, or of what speaks its protocol: the key of a file is the key of the object, and what is known of
 *  it is metadata of the object. */
export async function openS3Storage(options: S3StorageOptions): Promise<Storage> {
  const { address, clock, signer, staleAfter = 86_400_000, partBytes = 5 * 1024 ** 2, copyBytes = 1024 ** 3 } = options
  const { bucket, prefix } = address
  const client = await openS3Client(address)
  const uploads = `${prefix}${UPLOADS}`
  const objectOf = (key: string): string => {
    checkKey(key, { reserved: UPLOADS, longest: 1024 - Buffer.byteLength(prefix) })
    return prefix + key
  }

  const known = (key: string, answer: IncomingMessage): StoredFile | undefined => {
    const { etag: _etag, sha256, ...about } = aboutOf(answer)
    return sha256 === undefined ? undefined : { key, sha256, ...about }
  }

  /** What came from elsewhere is read through once: then its checksum is known, and that an image is one (S3, S6). */
  const settle = async (key: string): Promise<void> => {
    const object = objectOf(key)
    const answer = await client.send({ method: 'GET', key: object, expects: [404] })
    if (answer.statusCode === 404) return void answer.resume()
    const { contentType, etag, modifiedAt, size } = aboutOf(answer)
    const hash = createHash('sha256')
    let head = Buffer.alloc(0)
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      hash.update(chunk)
      if (head.length < SNIFF_BYTES) head = Buffer.concat([head, chunk.subarray(0, SNIFF_BYTES - head.length)])
    }
    const about = { contentType: typeOrBytes(contentType, head), sha256: hash.digest('hex'), modifiedAt }
    // If it was replaced meanwhile, the next one who asks reads the new one.
    await copyObject({ client, bucket, from: object, to: object, size, about, etag, partBytes: copyBytes }).catch(
      (error: unknown) => {
        if (!isStatus(error, 412)) throw error
      },
    )
  }

  const headOf = async (key: string): Promise<StoredFile | undefined> => {
    const object = objectOf(key)
    for (let tried = 0; ; tried++) {
      const answer = await client.send({ method: 'HEAD', key: object, expects: [404] })
      answer.resume()
      if (answer.statusCode === 404) return undefined
      const file = known(key, answer)
      if (file) return file
      if (tried === 3) throw StorageRefused({ what: `to keep what is known of ${key}`, status: 200, code: '' })
      await settle(key)
    }
  }

  const sweep = async (): Promise<void> => {
    const before = Date.now() - staleAfter
    for (const { key, uploadId, startedAt } of await multipartsUnder(client, uploads)) {
      if (startedAt < before) await abortMultipart(client, key, uploadId)
    }
    const { text } = await client.ask({ method: 'GET', query: { 'list-type': '2', prefix: uploads } })
    for (const one of elementsIn(text, 'Contents')) {
      const left = Date.parse(textIn(one, 'LastModified') ?? '') < before
      if (left) await client.ask({ method: 'DELETE', key: textIn(one, 'Key')! })
    }
  }
  const stopSweeping = keepSweeping(sweep, staleAfter)

  const storage: Storage = {
    async put(key, body, putOptions = {}) {
      const object = objectOf(key)
      const tools = { client, uploads, partBytes, now: () => clock.now() }
      const { at, ...about } = await writeObject(tools, object, key, body, putOptions).catch((error) =>
        refine(error, key, putOptions),
      )
      if (at !== undefined) {
        const { ifAbsent = false } = putOptions
        const { size } = about
        // Not every server knows the condition where an upload ends: so there is a look before.
        if (ifAbsent && (await headOf(key))) {
          await client.ask({ method: 'DELETE', key: at })
          throw StorageExists({ key })
        }
        await move({ from: at, to: object, size, about, ifAbsent }).catch((error) => refine(error, key, putOptions))
      }
      return { key, ...about }
    },

    async get(key, { range }: GetOptions = {}): Promise<OpenedFile> {
      const object = objectOf(key)
      if (range) {
        const file = await headOf(key)
        if (!file) throw StorageNotFound({ key })
        const part = partOf(range, file.size)
        if (!part) throw StorageRange({ key, size: file.size })
        const headers = { range: `bytes=${part.start}-${part.end}` }
        return { file, range: part, body: await client.send({ method: 'GET', key: object, headers }) }
      }
      for (;;) {
        const answer = await client.send({ method: 'GET', key: object, expects: [404] })
        if (answer.statusCode === 404) {
          answer.resume()
          throw StorageNotFound({ key })
        }
        const file = known(key, answer)
        if (file) return { file, body: answer }
        answer.destroy()
        await headOf(key)
      }
    },

    head: headOf,

    async delete(key) {
      const object = objectOf(key)
      const answer = await client.send({ method: 'HEAD', key: object, expects: [404] })
      answer.resume()
      if (answer.statusCode === 404) return false
      await client.ask({ method: 'DELETE', key: object })
      return true
    },

    async copy(from, to) {
      const target = objectOf(to)
      const file = await headOf(from)
      if (!file) throw StorageNotFound({ key: from })
      const about = { ...file, modifiedAt: clock.now() }
      await copyObject({
        client,
        bucket,
        from: objectOf(from),
        to: target,
        size: file.size,
        about,
        partBytes: copyBytes,
      })
      return { ...about, key: to }
    },

    async list(under, { after, limit = 1000 }: ListOptions = {}): Promise<Page> {
      const most = Math.max(1, Math.min(1000, limit))
      const keys: string[] = []
      let more = true
      for (let from = after; keys.length < most && more; from = keys.at(-1)) {
        const query = {
          'list-type': '2',
          'encoding-type': 'url',
          'max-keys': String(most - keys.length + 1),
          prefix: prefix + under,
          ...(from !== undefined && { 'start-after': prefix + from }),
        }
        const { text } = await client.ask({ method: 'GET', query })
        const found = elementsIn(text, 'Contents').map((one) =>
          decodeURIComponent((textIn(one, 'Key') ?? '').replaceAll('+', ' ')),
        )
        more = textIn(text, 'IsTruncated') === 'true' || found.length > most - keys.length
        const files = found.filter((key) => !key.startsWith(uploads)).map((key) => key.slice(prefix.length))
        if (files.length === 0) break
        keys.push(...files.slice(0, most - keys.length))
      }
      const files: StoredFile[] = []
      for (let at = 0; at < keys.length; at += LOOKS) {
        const looked = await Promise.all(keys.slice(at, at + LOOKS).map(headOf))
        files.push(...looked.filter((file) => file !== undefined))
      }
      return { files, ...(more && keys.length === most && { next: keys.at(-1)! }) }
    },

    async signedUrl(key, signOptions) {
      const { method, expiresIn, contentType, maxBytes, downloadAs } = signOptions
      const object = objectOf(key)
      if (method === 'PUT' && maxBytes !== undefined) return signer.sign(key, signOptions)
      const query =
        method === 'GET' && downloadAs !== undefined ? { 'response-content-disposition': saveAs(downloadAs) } : {}
      const headers = method === 'PUT' && contentType !== undefined ? { 'content-type': contentType } : {}
      return client.presign({ method, key: object, query, headers }, secondsOf(expiresIn))
    },

    async uploadTicket(key, { expiresIn, contentType, maxBytes }) {
      const object = objectOf(key)
      const { fields } = client.signPolicy(({ algorithm, credential, date }) => ({
        expiration: new Date(Date.now() + secondsOf(expiresIn) * 1000).toISOString(),
        conditions: [
          { bucket },
          { key: object },
          { 'x-amz-algorithm': algorithm },
          { 'x-amz-credential': credential },
          { 'x-amz-date': date },
          ...(address.sessionToken === undefined ? [] : [{ 'x-amz-security-token': address.sessionToken }]),
          ...(contentType === undefined ? [] : [{ 'content-type': contentType }]),
          ...(maxBytes === undefined ? [] : [['content-length-range', 0, maxBytes]]),
        ],
      }))
      const all = { key: object, ...(contentType !== undefined && { 'content-type': contentType }), ...fields }
      return { method: 'POST', url: address.base.href.replace(/\/$/, ''), fields: all }
    },
    verify: (request) => signer.verify(request),

    async close() {
      await stopSweeping()
      client.close()
    },
  }

  /** From beside its place to its place. */
  async function move(copy: {
    from: string
    to: string
    size: number
    about: Omit<StoredFile, 'key'>
    ifAbsent: boolean
  }): Promise<void> {
    try {
      await copyObject({ ...copy, client, bucket, partBytes: copyBytes })
    } finally {
      // What stays is swept away later.
      await client.ask({ method: 'DELETE', key: copy.from }).catch(() => {})
    }
  }
  return storage
}

function isStatus(error: unknown, status: number): boolean {
  return StorageRefused.is(error) && error.details.status === status
}

/** Of several who create one file at the same time, one succeeds; the others learn it by one of these two. */
function refine(error: unknown, key: string, { ifAbsent }: PutOptions): never {
  if (ifAbsent && (isStatus(error, 412) || isStatus(error, 409))) throw StorageExists({ key })
  throw error
}

function secondsOf(expiresIn: SignOptions['expiresIn']): number {
  return Math.max(1, Math.min(MAX_SECONDS, Math.floor(toMs(expiresIn) / 1000)))
}

/** RFC 6266, with the name in UTF-8. */
function saveAs(name: string): string {
  return `attachment; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`)}`
}

/** Now and from time to time; spread, so that instances started together do not sweep together. */
function keepSweeping(sweep: () => Promise<void>, staleAfter: number): () => Promise<void> {
  const state = { sweeping: Promise.resolve() }
  const run = (): void => {
    state.sweeping = sweep().catch(() => {})
  }
  const every = Math.min(3_600_000, staleAfter) * (0.5 + Math.random())
  run()
  const timer = setInterval(run, every)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await state.sweeping
  }
}

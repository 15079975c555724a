import type { Readable } from 'node:stream'
import type { Duration } from '../kernel/index.ts'

/** Storage keeps files under keys such as `avatars/42/original.png`. A key is a name, not a path: `/` only groups.
 *
 *  S1  A file appears whole or not at all: while it is written, after a failed or killed upload, and to readers of the
 *      file that it replaces.
 *  S2  Bodies stream in both directions with back-pressure: memory does not grow with the size of the file.
 *  S3  What is read is what was written: size and SHA-256 are kept, and checked on upload when the caller gives one.
 *  S4  Any well-formed text of 1 to 1024 bytes is a key of its own, whatever the file system makes of case, dots, length
 *      or alphabet; refused are only NUL, half surrogate pairs, and `.` or `..` between slashes, which proxies rewrite.
 *  S5  No key, and no symbolic link that somebody planted, leads out of the storage.
 *  S6  A file of type `image/*` (SVG aside) has the bytes of an image: its type is what its first bytes say.
 *  S7  `list` gives the keys in the order of their UTF-8 bytes, each once, in pages.
 *  S8  A signed URL allows one method on one key until it expires, and nothing else: whoever changes it, is refused.
 *  S9  What uploads leave behind when they are cut off is removed after `staleAfter`. */
export interface Storage {
  /** Writes a file, in place of one that is there. Throws TF_STORAGE_TOO_LARGE, TF_STORAGE_CHECKSUM, TF_STORAGE_TYPE or
   *  the error of the body; nothing has changed then. */
  put(key: string, body: Body, options?: PutOptions): Promise<StoredFile>
  /** Throws TF_STORAGE_NOT_FOUND, or TF_STORAGE_RANGE for a range outside of the file.
   *  Read the body to its end or destroy it: it holds a file open. */
  get(key: string, options?: GetOptions): Promise<OpenedFile>
  head(key: string): Promise<StoredFile | undefined>
  /** False when it was not there. */
  delete(key: string): Promise<boolean>
  /** Throws TF_STORAGE_NOT_FOUND. */
  copy(from: string, to: string): Promise<StoredFile>
  list(prefix: string, options?: ListOptions): Promise<Page>
  /** A URL with which somebody who is not signed in may download or upload this one file. On S3 it leads to the bucket, except
   *  for PUT with `maxBytes`: only the app can see to that. */
  signedUrl(key: string, options: SignOptions): Promise<string>
  /** What a browser needs to upload one file without being signed in: on S3 straight into the bucket, which sees to type and
   *  size. Its checksum is not known until the first `head` or `get`, which then reads it through once.
   *  @example
   *  const { method, url, headers, fields } = await files.uploadTicket('avatars/42', { expiresIn: '10m', maxBytes: 5e6 })
   *  // in the browser:
   *  const form = new FormData()
   *  for (const [name, value] of Object.entries(fields ?? {})) form.set(name, value)
   *  form.set('file', file)
   *  await fetch(url, fields ? { method, body: form } : { method, headers, body: file }) */
  uploadTicket(key: string, options: Omit<SignOptions, 'method' | 'downloadAs'>): Promise<UploadTicket>
  /** Where the app itself serves signed URLs: what such a request is allowed to do. Throws TF_STORAGE_SIGNATURE. */
  verify(request: { method: string; url: string }): SignedRequest
  close(): Promise<void>
}

export type Body = Uint8Array | string | Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

export interface PutOptions {
  /** Defaults to what the first bytes say of an image, else to `application/octet-stream`. */
  contentType?: string
  /** Bytes; a longer body is refused as soon as it is longer. Defaults to 5 GiB. */
  maxBytes?: number
  /** SHA-256 that the body must have, in hexadecimal. */
  sha256?: string
  /** Only if there is no such file: otherwise TF_STORAGE_EXISTS. Of several who try at the same time, one succeeds;
   *  with files of more than 5 MiB on a server that has no conditional uploads, the last of those that end at once. */
  ifAbsent?: boolean
  /** A name for this upload: an attempt under the same name goes on where the one before it was cut off. The body is read from
   *  its beginning again; on S3 the parts of it that have arrived are not sent again. A disk writes it anew. */
  resume?: string
  signal?: AbortSignal
}

export interface GetOptions {
  /** Bytes from `start` to `end`, both included as in HTTP; `end` defaults to the last byte. Or the `last` so many. */
  range?: { start: number; end?: number } | { last: number }
}

export interface StoredFile {
  key: string
  size: number
  contentType: string
  /** Hexadecimal; good as an entity tag, too. */
  sha256: string
  /** Milliseconds since 1970. */
  modifiedAt: number
}

export interface OpenedFile {
  file: StoredFile
  /** The bytes that `body` gives, both included; absent for the whole file. */
  range?: { start: number; end: number }
  body: Readable
}

export interface ListOptions {
  /** Keys after this one: the `next` of the page before. */
  after?: string
  /** From 1 to 1000. Defaults to 1000. */
  limit?: number
}

export interface Page {
  files: StoredFile[]
  /** Absent on the last page. */
  next?: string
}

export interface SignOptions {
  method: 'GET' | 'PUT'
  /** Up to 7 d. */
  expiresIn: Duration
  /** For PUT: the type that the upload must have. For GET: not used. */
  contentType?: string
  /** For PUT: as in `PutOptions`. */
  maxBytes?: number
  /** For GET: the browser saves the file under this name instead of showing it. */
  downloadAs?: string
}

/** With `fields` it is sent as a form, the field `file` last; without, as the body. */
export interface UploadTicket {
  method: 'POST' | 'PUT'
  url: string
  headers?: Record<string, string>
  fields?: Record<string, string>
}

export interface SignedRequest {
  method: 'GET' | 'PUT'
  key: string
  contentType?: string
  maxBytes?: number
  downloadAs?: string
}

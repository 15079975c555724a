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
 *  S8  A signed URL allows one method on one key until it expires, and nothing else: whoever changes it, is refused. */
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
  /** A URL with which somebody who is not signed in may download or upload this one file. */
  signedUrl(key: string, options: SignOptions): Promise<string>
  /** Where the app itself serves signed URLs (a disk has no server of its own): what such a request is allowed to do.
   *  Throws TF_STORAGE_SIGNATURE. Absent where the URLs lead elsewhere, as with S3. */
  verify?(request: { method: string; url: string }): SignedRequest
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

export interface SignedRequest {
  method: 'GET' | 'PUT'
  key: string
  contentType?: string
  maxBytes?: number
  downloadAs?: string
}

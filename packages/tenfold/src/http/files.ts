import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import {
  FILES_PATH,
  StorageRange,
  type GetOptions,
  type OpenedFile,
  type Storage,
  type StoredFile,
} from '../storage/index.ts'
import { ContentTypeUnsupported } from './errors.ts'
import type { HttpRequest, HttpRoute } from './http.ts'
import { disposition, HttpReply, noContent } from './reply.ts'

/** Where signed URLs of a storage without a server of its own lead: downloads and uploads of single files, without a
 *  session. Empty for storages that serve their URLs themselves. */
export function fileRoutes(storage: Storage): HttpRoute[] {
  if (!storage.verify) return []
  const common = { path: `${FILES_PATH}*`, module: 'tenfold', hidden: true, timeout: 0 } as const
  return [
    { ...common, method: 'GET', name: `GET ${FILES_PATH}*`, handle: (request) => download(storage, request) },
    {
      ...common,
      method: 'PUT',
      name: `PUT ${FILES_PATH}*`,
      body: 'stream',
      bodyLimit: 5 * 1024 ** 3,
      handle: (request) => upload(storage, request),
    },
  ]
}

async function download(storage: Storage, request: HttpRequest): Promise<HttpReply> {
  const { key, downloadAs } = storage.verify!(request)
  const known = await storage.head(key)
  if (known && isUnchanged(request.headers, known))
    return new HttpReply({ status: 304, headers: headersOf(known, downloadAs) })
  if (known && request.method === 'HEAD') {
    return new HttpReply({
      status: 200,
      headers: { ...headersOf(known, downloadAs), 'content-length': String(known.size) },
    })
  }
  const range = known && rangeOf(request.headers, known)
  try {
    return file(await storage.get(key, range ? { range } : {}), { downloadAs })
  } catch (error) {
    if (!StorageRange.is(error)) throw error
    return new HttpReply({ status: 416, headers: { 'content-range': `bytes */${known?.size ?? 0}` } })
  }
}

async function upload(storage: Storage, request: HttpRequest): Promise<HttpReply> {
  const { key, contentType, maxBytes } = storage.verify!(request)
  const given = String(request.headers['content-type'] ?? '')
  if (contentType !== undefined && given !== contentType) throw ContentTypeUnsupported({ given: given.slice(0, 100) })
  await storage.put(key, request.body as Readable, {
    signal: request.signal,
    ...(contentType === undefined ? {} : { contentType }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  })
  return noContent() as HttpReply
}

/** A stored file as a reply: streamed, with its type, length and entity tag; a part of it when it was opened with a range.
 *  @param options.downloadAs makes browsers save it under this name
 *  @example
 *  return file(await files.get('receipts/7.pdf'), { downloadAs: 'receipt.pdf' }) */
export function file(opened: OpenedFile, { downloadAs }: { downloadAs?: string | undefined } = {}): HttpReply {
  const { file: stored, range, body } = opened
  const headers = headersOf(stored, downloadAs)
  if (!range)
    return new HttpReply({ status: 200, headers: { ...headers, 'content-length': String(stored.size) }, body })
  const { start, end } = range
  return new HttpReply({
    status: 206,
    headers: {
      ...headers,
      'content-length': String(end - start + 1),
      'content-range': `bytes ${start}-${end}/${stored.size}`,
    },
    body,
  })
}

/** Types that a browser shows without running anything. Everything else is saved: a page or a drawing that a user uploaded
 *  must not run as a page of this app. */
const SHOWN = /^(image\/(?!svg)|video\/|audio\/|text\/plain\b|application\/pdf$)/

function headersOf(stored: StoredFile, downloadAs: string | undefined): Record<string, string> {
  const name = downloadAs ?? stored.key.slice(stored.key.lastIndexOf('/') + 1)
  return {
    'content-type': stored.contentType,
    'content-disposition': disposition(
      downloadAs === undefined && SHOWN.test(stored.contentType) ? 'inline' : 'attachment',
      name,
    ),
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'cross-origin',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    etag: tagOf(stored),
    'last-modified': new Date(stored.modifiedAt).toUTCString(),
  }
}

function tagOf(stored: StoredFile): string {
  return `"${stored.sha256}"`
}

function isUnchanged(headers: IncomingHttpHeaders, stored: StoredFile): boolean {
  const tags = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(tagOf(stored)) || tags.includes('*')
}

/** The part that is asked for; undefined for the whole. Several parts at once are answered with the whole, as RFC 9110
 *  allows: they are a way to ask for one byte a thousand times. */
function rangeOf(headers: IncomingHttpHeaders, stored: StoredFile): GetOptions['range'] | undefined {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== tagOf(stored)) return undefined
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') return { last: Number(match[2]) }
  const start = Number(match[1])
  const end = match[2] === '' ? undefined : Number(match[2])
  if (end !== undefined && end < start) return undefined
  return end === undefined ? { start } : { start, end }
}

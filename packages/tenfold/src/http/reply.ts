import type { Readable } from 'node:stream'
import { Reply } from '../kernel/index.ts'
import { RedirectUnsafe } from './errors.ts'
import type { SocketTalk } from './sockets/index.ts'

/** A reply with a status, headers or cookies of its own; with `value`, its body is that value as JSON, checked by the
 *  route's reply schema. Made by the functions below. */
export class HttpReply extends Reply {
  readonly value: unknown
  readonly cookies: Readonly<Record<string, ReplyCookie | null>>
  readonly talk: SocketTalk | undefined

  constructor(options: ReplyOptions & { value?: unknown; body?: Reply['body']; talk?: SocketTalk }) {
    super(options.status ?? ROUTE_STATUS, options.headers ?? {}, options.body)
    this.value = options.value
    this.cookies = options.cookies ?? {}
    this.talk = options.talk
  }
}

/** Stands for the status that the route declares. */
export const ROUTE_STATUS = 0

export interface ReplyOptions {
  /** Defaults to the route's status. */
  status?: number
  headers?: Record<string, string>
  /** Cookies to set, signed, by name; `null` removes one. Read them with `request.signedCookie(name)`. */
  cookies?: Record<string, ReplyCookie | null>
}

export interface ReplyCookie {
  value: string
  /** Seconds. Absent: until the browser closes. */
  maxAge?: number
  /** Defaults to `/`. */
  path?: string
  /** Whether scripts of the page may read it. Defaults to false. */
  readable?: boolean
}

/** A JSON reply with a status, headers or cookies of its own; the value is checked by the route's reply schema.
 *  @example
 *  return respond(order, { status: 202, headers: { 'x-queue': 'slow' } }) */
export function respond(value: unknown, options: ReplyOptions): Reply {
  return new HttpReply({ ...options, value })
}

/** 201, with where the new thing can be found. */
export function created(value: unknown, location?: string): Reply {
  return new HttpReply({ value, status: 201, headers: location ? { location: escapeUrl(location) } : {} })
}

export function noContent(): Reply {
  return new HttpReply({ status: 204 })
}

/** Plain text, `text/plain` unless `type` says otherwise: `text/csv`, `application/xml`, `application/javascript`.
 *  @example
 *  return text('User-agent: *\nDisallow: /', { headers: { 'cache-control': 'public, max-age=3600' } }) */
export function text(body: string, { type = 'text/plain', ...options }: ReplyOptions & { type?: string } = {}): Reply {
  const contentType = type.includes(';') ? type : `${type}; charset=utf-8`
  return new HttpReply({ ...options, body, headers: { 'content-type': contentType, ...options.headers } })
}

/** A page. Its content security policy allows scripts, styles and images of this app only, none inline. */
export function html(text: string, options: ReplyOptions = {}): Reply {
  return new HttpReply({
    ...options,
    body: text,
    headers: { 'content-type': 'text/html; charset=utf-8', ...options.headers },
  })
}

/** Sends the client elsewhere. Without `external` only to a path of this app: a URL that came with a request must not
 *  lead to another site. `status` defaults to 303: the client follows with GET. */
export function redirect(
  url: string,
  { status = 303, external = false }: { status?: 301 | 302 | 303 | 307 | 308; external?: boolean } = {},
): Reply {
  const inside = /^\/(?![/\\])/.test(url) && !/[\x00-\x1f\\]/.test(url)
  const outside = external && /^https?:\/\/[^/]/.test(url)
  if (!inside && !outside) throw RedirectUnsafe({ url: url.slice(0, 200) })
  return new HttpReply({ status, headers: { location: outside ? new URL(url).href : escapeUrl(url) } })
}

export interface StreamOptions extends ReplyOptions {
  /** Defaults to `application/octet-stream`. */
  type?: string
  /** Makes browsers save it under this name instead of showing it. */
  filename?: string
  /** In bytes, when known: clients can then show progress and notice a cut. */
  length?: number
}

/** Bytes or text, piece by piece, no faster than the client reads. When the client goes away the source is closed
 *  (`finally` blocks of a generator run) and `signal` aborts.
 *  @example
 *  return stream(csvLines(db, signal), { type: 'text/csv; charset=utf-8', filename: 'orders.csv' }) */
export function stream(
  source: AsyncIterable<string | Uint8Array> | Readable,
  { type = 'application/octet-stream', filename, length, ...options }: StreamOptions = {},
): Reply {
  const headers: Record<string, string> = { 'content-type': type }
  if (filename !== undefined) headers['content-disposition'] = disposition('attachment', filename)
  if (length !== undefined) headers['content-length'] = String(length)
  return new HttpReply({ ...options, body: source, headers: { ...headers, ...options.headers } })
}

/** Goes on as a WebSocket. A request that does not ask for one is answered 426.
 *  @example
 *  return webSocket({ message: async (value, socket) => socket.send(JSON.stringify(value)) }) */
export function webSocket(talk: SocketTalk): Reply {
  return new HttpReply({ talk })
}

/** `Content-Disposition` with the name in ASCII for old clients and in UTF-8 (RFC 6266). */
export function disposition(kind: 'attachment' | 'inline', filename: string): string {
  const name = filename.replace(/^.*[/\\]/, '').replace(/[\x00-\x1f\x7f]/g, '') || 'file'
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const utf8 = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return ascii === name ? `${kind}; filename="${ascii}"` : `${kind}; filename="${ascii}"; filename*=UTF-8''${utf8}`
}

function escapeUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/g, (c) => encodeURIComponent(c.toWellFormed()))
}

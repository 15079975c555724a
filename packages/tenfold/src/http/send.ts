import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { Reply, type Validated, validateNow } from '../kernel/index.ts'
import { ReplyInvalid } from './errors.ts'
import { ClientGone, type Exchange } from './exchange.ts'
import { problemOf } from './problem.ts'
import { HttpReply, ROUTE_STATUS } from './reply.ts'
import { nodeReply, writeHead, writeWhole } from './head.ts'
import type { SocketTalk } from './sockets/index.ts'
import { type HeaderBlock, NO_HEADERS, type SecurityHeaders, withHeaders } from './security.ts'

/** An answer ready to be written. */
export interface Outgoing {
  status: number
  /** The headers that it shares with other answers. */
  base: HeaderBlock
  /** Its own, in pairs. */
  headers: string[]
  body: string | Buffer | AsyncIterable<string | Uint8Array> | undefined
  /** In place of an answer. */
  talk?: SocketTalk
}

/** What a handler returned, as an answer: JSON through the reply schema, or one of the reply helpers. */
export function outgoingOf(x: Exchange, returned: unknown, base: SecurityHeaders): Outgoing | Promise<Outgoing> {
  if (!(returned instanceof Reply)) return jsonOf(x, returned, x.route.status, base)
  return outgoingReply(x, returned, base)
}

async function outgoingReply(x: Exchange, returned: Reply, base: SecurityHeaders): Promise<Outgoing> {
  const status = returned.status === ROUTE_STATUS ? x.route.status : returned.status
  const { value, cookies = {}, talk }: Partial<HttpReply> = returned instanceof HttpReply ? returned : {}
  for (const [name, cookie] of Object.entries(cookies)) x.setCookie(name, cookie)
  if (talk) return { status: 101, base: NO_HEADERS, headers: [], body: undefined, talk }
  if (value !== undefined) {
    const out = await jsonOf(x, value, status, base)
    return replaced(out, out.base, returned.headers)
  }
  const page = returned.headers['content-type']?.startsWith('text/html') === true
  const out: Outgoing = { status, base: base.api, headers: [], body: returned.body }
  return replaced(out, page ? base.page : base.api, returned.headers)
}

function replaced(out: Outgoing, base: HeaderBlock, own: Readonly<Record<string, string>>): Outgoing {
  for (const _ in own) return { ...out, base: NO_HEADERS, headers: withHeaders(base, own) }
  return { ...out, base }
}

function jsonOf(x: Exchange, returned: unknown, status: number, base: SecurityHeaders): Outgoing | Promise<Outgoing> {
  const { reply } = x.route.route
  if (!reply) return jsonAnswer(x, returned, status, base)
  const result = validateNow(reply, returned)
  return result instanceof Promise
    ? result.then((late) => jsonAnswer(x, valueOf(x, late), status, base))
    : jsonAnswer(x, valueOf(x, result), status, base)
}

function valueOf(x: Exchange, result: Validated<unknown>): unknown {
  if (!result.ok) throw ReplyInvalid({ route: x.route.name, issues: result.issues.slice(0, 20) })
  return result.value
}

function jsonAnswer(x: Exchange, value: unknown, status: number, base: SecurityHeaders): Outgoing {
  const body = value === undefined ? undefined : JSON.stringify(value)
  if (body === undefined) return { status: x.route.route.status ?? 204, base: base.api, headers: [], body }
  return { status, base: base.json, headers: [], body }
}

/** An error as an answer. What it says to whom is decided by `problemOf`. */
export function outgoingProblem(x: Exchange, error: unknown, base: SecurityHeaders, development: boolean): Outgoing {
  const problem = problemOf(error, x.requestId, development)
  const headers = problem.status === 401 ? ['www-authenticate', 'Bearer'] : []
  return { status: problem.status, base: base.problem, headers, body: JSON.stringify(problem) }
}

/** Writes an answer; a promise for a stream, which resolves when all of it is handed to the connection. Throws before the
 *  first byte or not at all, except for a stream that fails half-way: the connection is then cut, so that the client cannot
 *  take it for the whole. What it has not taken out of `out` by then is the caller's to `discard`.
 *  @param last whether the connection is closed afterwards */
export function send(x: Exchange, out: Outgoing, last: boolean): Promise<void> | undefined {
  const { res } = x
  if (res.destroyed) throw new ClientGone()
  const { headers, status } = out
  headers.push('x-request-id', x.requestId)
  for (const part of x.extra) headers.push(part)
  if (last && !out.talk) headers.push('connection', 'close')
  if (status < 400) for (const line of x.setCookies) headers.push('set-cookie', line)
  if (out.talk) return openSocket(x, out.talk, headers)
  if (out.body === undefined || typeof out.body === 'string' || Buffer.isBuffer(out.body))
    return sendWhole(x, out, out.body)
  return sendStream(x, out, out.body)
}

function openSocket(x: Exchange, talk: SocketTalk, headers: readonly string[]): undefined {
  x.sockets.accept(x, talk, headers)
  x.status = 101
}

function sendWhole(x: Exchange, { status, base, headers }: Outgoing, body: string | Buffer | undefined): undefined {
  const length = body === undefined ? 0 : Buffer.byteLength(body)
  const bodiless = status === 204 || status === 304
  if (!bodiless && !hasLength(headers)) headers.push('content-length', String(length))
  writeWhole(x, status, base, headers, bodiless || x.method === 'HEAD' ? undefined : body)
  x.status = status
  x.bytes = length
}

/** Among the names, which stand before each value. */
function hasLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'content-length') return true
  return false
}

async function sendStream(x: Exchange, out: Outgoing, source: AsyncIterable<string | Uint8Array>): Promise<void> {
  const { status, base, headers } = out
  if (x.method === 'HEAD') {
    discard(out)
    const res = nodeReply(x)
    writeHead(res, status, base, headers)
    x.status = status
    res.end()
    return
  }
  out.body = undefined
  const iterator = source[Symbol.asyncIterator]()
  try {
    // Who has asked for it is told when the client leaves: nobody waits then for a first piece that is long in coming.
    void x.signal
    // The first piece before the headers: a source that fails at once is still a proper error.
    let piece = await x.until(iterator.next())
    if (x.res.destroyed) throw new ClientGone()
    const res = nodeReply(x)
    writeHead(res, status, base, headers)
    x.status = status
    x.firstPieceAt = performance.now()
    while (!piece.done) {
      if (res.destroyed) throw new ClientGone()
      x.bytes += piece.value.length
      if (!res.write(piece.value)) await drained(res)
      piece = await orClosed(x, res, iterator.next())
    }
    res.end()
  } catch (error) {
    void close(source, iterator)
    if (x.res.headersSent) x.res.destroy()
    throw error
  }
}

/** Closes what nobody will read. */
export function discard(out: Outgoing): void {
  const { body } = out
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return
  out.body = undefined
  void close(body)
}

/** Never rejects. The iterator of a Readable closes nothing unless it has begun, so that is destroyed itself; an error of it
 *  would have nobody else who hears it. */
async function close(
  source: AsyncIterable<string | Uint8Array>,
  iterator?: AsyncIterator<string | Uint8Array>,
): Promise<void> {
  if (source instanceof Readable) source.on('error', () => {}).destroy()
  try {
    await (iterator ?? source[Symbol.asyncIterator]()).return?.()
  } catch {
    // Closed all the same, as far as it can be.
  }
}

/** Back-pressure: resolves when the client has taken what was written. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onDrain = (): void => {
      res.off('close', onClose)
      resolve()
    }
    const onClose = (): void => {
      res.off('drain', onDrain)
      reject(new ClientGone())
    }
    res.once('drain', onDrain).once('close', onClose)
  })
}

/** The promise, unless the client goes away or the request is aborted first. */
function orClosed<T>(x: Exchange, res: ServerResponse, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new ClientGone())
    res.once('close', onClose)
    x.until(promise)
      .then(resolve, reject)
      .finally(() => res.off('close', onClose))
  })
}

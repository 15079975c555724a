import { ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http'
import type { HeaderBlock } from '../security.ts'
import type { PlainConnection } from './connection.ts'
import type { PlainRequest } from './parse.ts'

/** The answer to a plain request. One that is ready as a whole is one write; for one that comes in pieces, and for headers
 *  that have a say in how the connection goes on, Node's own takes its place. Named as there, so that whoever asks how far an
 *  answer is need not know which one it has. */
export class PlainReply {
  headersSent = false
  writableEnded = false
  private readonly connection: PlainConnection
  private readonly request: PlainRequest
  private onClose: (() => void)[] | undefined

  constructor(connection: PlainConnection, request: PlainRequest) {
    this.connection = connection
    this.request = request
  }

  get destroyed(): boolean {
    return this.connection.socket.destroyed
  }

  get writableLength(): number {
    return this.headersSent ? this.connection.socket.writableLength : 0
  }

  /** Calls back when the connection closes before the answer was written. */
  once(_event: 'close', callback: () => void): void {
    ;(this.onClose ??= []).push(callback)
  }

  closed(): void {
    if (this.onClose) for (const callback of this.onClose) callback()
  }

  destroy(): void {
    this.connection.socket.destroy()
  }

  /** Writes all of it. False, and nothing is written, when `own` holds a header that only Node's own can follow, or does not
   *  say where the body ends.
   *  @param body undefined for none, also where the headers speak of one: HEAD, 204, 304 */
  whole(status: number, block: HeaderBlock, own: readonly string[], body: string | Buffer | undefined): boolean {
    let close = this.request.headers.connection?.toLowerCase() === 'close'
    let connection = false
    let framed = status === 204 || status === 304
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n${block.text}`
    for (let i = 0; i < own.length; i += 2) {
      const name = own[i]!
      const value: unknown = own[i + 1]
      // What types rule out comes all the same: a list is a line for each of its values.
      if (typeof value !== 'string') return false
      if (name === 'content-length') framed = true
      if (name === 'connection' && value === 'close') close = connection = true
      else if (HOPS.has(name)) return false
      validateHeaderName(name)
      validateHeaderValue(name, value)
      head += `${name}: ${value}\r\n`
    }
    if (!framed) return false
    head += this.connection.kit.lastLines(close, connection)
    this.headersSent = this.writableEnded = true
    this.connection.write(head, body, close)
    return true
  }

  /** Node's own answer, on the same connection. From now on this one is out of use. */
  byNode(): ServerResponse {
    const { socket, kit } = this.connection
    const { method, url, headers } = this.request
    const response = new ServerResponse({
      method,
      url,
      headers,
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    } as IncomingMessage)
    Object.assign(response, { _keepAliveTimeout: kit.keepAliveMs() })
    if (headers.connection?.toLowerCase() === 'close') response.shouldKeepAlive = false
    response.assignSocket(socket)
    // Nobody tells it of a close that it has missed.
    if (socket.destroyed) response.destroy()
    response.once('finish', () => {
      response.detachSocket(socket)
      process.nextTick(() => response.emit('close'))
      this.connection.answered((response as unknown as { _last: boolean })._last)
    })
    this.connection.byNode(response)
    return response
  }
}

/** What Node writes by itself, or understands. */
const HOPS = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding', 'trailer', 'upgrade', 'expect'])

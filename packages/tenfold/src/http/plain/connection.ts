import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { parsePlain, type PlainRequest } from './parse.ts'
import { PlainReply } from './reply.ts'

/** What every connection needs of its server. */
export interface ConnectionKit {
  /** Serves the request; false when that is not for us to do. */
  serve(request: PlainRequest, reply: PlainReply): boolean
  /** Node's own server takes the connection, with the bytes that were read already. */
  handOver(connection: PlainConnection, bytes: Buffer | undefined): void
  gone(connection: PlainConnection): void
  /** The end of a head: the date, and how the connection goes on. */
  lastLines(close: boolean, said: boolean): string
  keepAliveMs(): number
  /** Longer heads are Node's. */
  maxHead: number
  /** Runs it in no request's context. */
  outside(fn: () => void): void
}

/** One connection, for as long as only plain requests come over it.
 *
 *    waiting --[a plain request]--> busy --[answered]--> waiting
 *       └──[anything else: Node takes over, for good]──> not ours any more
 *
 *  One request after the other: what comes meanwhile waits, and no more is read than that. */
export class PlainConnection {
  readonly socket: Socket
  readonly kit: ConnectionKit
  /** Whether it has ever been of use. */
  served = false
  /** What had moved at the last look, and since when nothing has. */
  seenBytes = -1
  idleSince = 0
  private pending: Buffer | undefined
  private current: PlainReply | undefined
  private node: ServerResponse | undefined
  private paused = false
  private blocked = false
  private looking = false

  constructor(socket: Socket, kit: ConnectionKit) {
    this.socket = socket
    this.kit = kit
    socket.on('data', this.onData).on('end', this.onEnd).on('close', this.onClose)
    socket.on('error', this.onError).on('drain', this.onDrain)
  }

  get busy(): boolean {
    return this.current !== undefined
  }

  /** Takes its hands off the socket, but for errors, which must have somebody who hears them. */
  release(): void {
    const { socket } = this
    socket.off('data', this.onData).off('end', this.onEnd).off('close', this.onClose)
    socket.off('drain', this.onDrain)
  }

  /** The whole answer to the request under way. */
  write(head: string, body: string | Buffer | undefined, close: boolean): void {
    const { socket } = this
    let room = true
    // Who has stopped sending has been told goodbye already.
    if (!socket.writable) close = true
    else if (body === undefined) room = socket.write(head, 'latin1')
    else if (typeof body === 'string' && body.length === Buffer.byteLength(body))
      room = socket.write(head + body, 'latin1')
    else {
      socket.cork()
      socket.write(head, 'latin1')
      room = socket.write(body)
      socket.uncork()
    }
    if (!room) this.blocked = true
    this.answered(close)
  }

  byNode(response: ServerResponse): void {
    this.node = response
  }

  /** The answer is written. */
  answered(close: boolean): void {
    this.current = this.node = undefined
    if (close) {
      this.pending = undefined
      this.socket.destroySoon()
    } else if (this.pending !== undefined || this.paused || this.blocked) this.kit.outside(this.look)
  }

  private readonly onData = (bytes: Buffer): void => {
    if (this.pending !== undefined) this.pending = Buffer.concat([this.pending, bytes])
    else this.pending = bytes
    this.look()
  }

  /** Serves what has come. */
  private readonly look = (): void => {
    if (this.looking) return
    this.looking = true
    while (this.pending !== undefined && this.current === undefined && !this.blocked && !this.socket.writableEnded) {
      const bytes = this.pending
      const request = parsePlain(bytes, this.socket, this.kit.maxHead)
      const reply = request && new PlainReply(this, request)
      this.pending = request && request.end < bytes.length ? bytes.subarray(request.end) : undefined
      this.current = reply
      this.served = true
      if (reply && this.kit.serve(request, reply)) continue
      this.current = undefined
      this.release()
      return this.kit.handOver(this, bytes)
    }
    this.looking = false
    const full = this.pending !== undefined || this.blocked
    if (full === this.paused) return
    this.paused = full
    if (full) this.socket.pause()
    else this.socket.resume()
  }

  private readonly onDrain = (): void => {
    // As Node does it for its own: only the last of several waits is over.
    if (this.node && this.node.writableLength === 0) this.node.emit('drain')
    if (!this.blocked) return
    this.blocked = false
    this.kit.outside(this.look)
  }

  /** Who sends no more reads no more, to Node's server; it is the same here. */
  private readonly onEnd = (): void => void this.socket.end()

  private readonly onError = (): void => {}

  private readonly onClose = (): void => {
    this.kit.gone(this)
    this.current?.closed()
  }
}

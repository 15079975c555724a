/** The short way of a request: from the bytes of a connection to the request path and back, without the objects that Node's
 *  own HTTP makes of it. It takes plain requests only ([`parse.ts`](parse.ts)); with the first other one the whole connection
 *  goes to Node's server, which then has its limits and time-outs as if we had never been there. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { movedBytes } from '../moved.ts'
import { type ConnectionKit, PlainConnection } from './connection.ts'
import { MAX_HEAD, type PlainRequest } from './parse.ts'
import type { PlainReply } from './reply.ts'

export { PlainRequest } from './parse.ts'
export { PlainReply } from './reply.ts'

export interface Plain {
  /** Ends connections that wait for their next request, when the last answer has gone out. */
  closeIdle(): void
  closeAll(): void
}

export interface PlainOptions {
  serve(request: PlainRequest, reply: PlainReply): boolean
  /** For a new connection to send its first request. */
  headersMs: number
  /** For a client to go on reading its answer. */
  stallMs: number
  /** Bytes of a head that Node's server takes. */
  maxHeaderSize: number
}

const LOOK_MS = 1000
/** Node waits so much longer than it tells clients. */
const BUFFER_MS = 1000

/** Takes the connections of a server. Does nothing where Node's server is not as we know it. */
export function openPlain(server: Server, { serve, headersMs, stallMs, maxHeaderSize }: PlainOptions): Plain {
  const [adopt, ...others] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  if (!adopt || others.length > 0) return { closeIdle() {}, closeAll() {} }
  const connections = new Set<PlainConnection>()
  const outside = AsyncLocalStorage.snapshot()
  const date = { second: 0, line: '' }
  let timer: NodeJS.Timeout | undefined

  const kit: ConnectionKit = {
    serve,
    keepAliveMs: () => server.keepAliveTimeout,
    maxHead: Math.min(MAX_HEAD, maxHeaderSize),
    outside: (fn) => outside(fn),
    gone: (connection) => void connections.delete(connection),
    handOver(connection, bytes) {
      const { socket } = connection
      connections.delete(connection)
      socket.pause()
      if (bytes) socket.unshift(bytes)
      adopt.call(server, socket)
      socket.resume()
    },
    lastLines(close, said) {
      const now = Date.now()
      const second = Math.floor(now / 1000)
      if (second !== date.second) {
        date.second = second
        date.line = `Date: ${new Date(now).toUTCString()}\r\n`
      }
      if (said) return `${date.line}\r\n`
      if (close) return `${date.line}Connection: close\r\n\r\n`
      const seconds = Math.floor(server.keepAliveTimeout / 1000)
      return `${date.line}Connection: keep-alive\r\n${seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : ''}\r\n`
    },
  }

  const look = (): void => {
    const now = performance.now()
    for (const connection of connections) {
      const { socket } = connection
      const moved = movedBytes(socket)
      if (moved !== connection.seenBytes || connection.busy) {
        connection.seenBytes = moved
        connection.idleSince = now
        continue
      }
      const idle = now - connection.idleSince
      if (socket.writableLength > 0) {
        // Not idle, but an answer that the client has stopped reading.
        if (idle > stallMs) socket.destroy()
      } else if (connection.served) {
        if (server.keepAliveTimeout > 0 && idle > server.keepAliveTimeout + BUFFER_MS) socket.destroy()
      } else if (idle > headersMs) {
        // Not a byte has come: Node's words for it, and its time to answer.
        connection.release()
        connections.delete(connection)
        const late = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
        server.emit('clientError', late, socket)
      }
    }
    if (connections.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  server.off('connection', adopt)
  server.on('connection', (socket: Socket) => {
    if (isWatched(server)) return adopt.call(server, socket)
    connections.add(new PlainConnection(socket, kit))
    timer ??= setInterval(look, Math.min(LOOK_MS, headersMs, stallMs)).unref()
  })

  return {
    closeIdle() {
      for (const { served, busy, socket } of connections) if (served && !busy) socket.destroySoon()
    },
    closeAll() {
      for (const { socket } of connections) socket.destroy()
    },
  }
}

const requests = channel('http.server.request.start')

/** Whether somebody wants to see the requests of Node's server: a tracer, the twin test. Then they are all its own. */
function isWatched(server: Server): boolean {
  return server.emit !== EventEmitter.prototype.emit || requests.hasSubscribers
}

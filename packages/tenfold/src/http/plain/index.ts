/** The short way of a request: from the bytes of a connection to the request path and back, without the objects that Node's
 *  own HTTP makes of it. It takes plain requests only ([`parse.ts`](parse.ts)); with the first other one the whole connection
 *  goes to Node's server, which then has its limits and time-outs as if we had never been there. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type ConnectionKit, PlainConnection } from './connection.ts'
import type { PlainRequest } from './parse.ts'
import type { PlainReply } from './reply.ts'

export { PlainRequest } from './parse.ts'
export { PlainReply } from './reply.ts'

export interface Plain {
  /** As Node's: ends connections that wait for their next request. */
  closeIdle(): void
  closeAll(): void
}

export interface PlainOptions {
  serve(request: PlainRequest, reply: PlainReply): boolean
  /** For a new connection to send its first request. */
  headersMs: number
}

const LOOK_MS = 1000
/** Node waits so much longer than it tells clients. */
const BUFFER_MS = 1000

/** Takes the connections of a server. Does nothing where Node's server is not as we know it. */
export function openPlain(server: Server, { serve, headersMs }: PlainOptions): Plain {
  const [adopt, ...others] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  if (!adopt || others.length > 0) return { closeIdle() {}, closeAll() {} }
  const connections = new Set<PlainConnection>()
  const outside = AsyncLocalStorage.snapshot()
  const date = { second: 0, line: '' }
  let timer: NodeJS.Timeout | undefined

  const kit: ConnectionKit = {
    serve,
    keepAliveMs: () => server.keepAliveTimeout,
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
      if (connection.moved || connection.busy) {
        connection.moved = false
        connection.idleSince = now
        continue
      }
      const idle = now - connection.idleSince
      if (connection.served) {
        if (server.keepAliveTimeout > 0 && idle > server.keepAliveTimeout + BUFFER_MS) connection.socket.destroy()
      } else if (idle > headersMs) {
        // Not a byte has come: Node's words for it, and its time to answer.
        connection.release()
        connections.delete(connection)
        const late = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
        server.emit('clientError', late, connection.socket)
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
    timer ??= setInterval(look, Math.min(LOOK_MS, headersMs)).unref()
  })

  return {
    closeIdle() {
      for (const connection of connections) if (connection.served && !connection.busy) connection.socket.destroy()
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

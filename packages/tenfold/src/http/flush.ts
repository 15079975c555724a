import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Sees to answers that are written but that their clients have not taken yet. */
export interface Flush {
  /** Resolves when no such answer is left, or after `ms`. */
  over(ms: number): Promise<void>
}

const LOOK_MS = 20

/** For Node an answer is over once it is written, and `close()` ends its connection as an idle one, however much the client
 *  still has to read. As long as there are such answers, idle connections stay open: `closeAllConnections` ends them. */
export function openFlush(server: Server): Flush {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const isFlushing = (): boolean => [...sockets].some((socket) => socket.writableLength > 0)
  const closeIdle = server.closeIdleConnections.bind(server)
  server.closeIdleConnections = () => {
    if (!isFlushing()) closeIdle()
  }
  return {
    async over(ms) {
      const until = performance.now() + ms
      while (isFlushing() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    },
  }
}

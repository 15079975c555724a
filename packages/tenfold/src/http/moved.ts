import type { Socket } from 'node:net'

/** A number that changes when the other end has sent or taken bytes. `bytesWritten` alone does not tell: it counts a large
 *  write as soon as it is queued, and stands still while the client takes it. What is left of the queue is what Node asks,
 *  too, before it calls a socket idle (`Socket._onTimeout`). */
export function movedBytes(socket: Socket): number {
  const { _handle } = socket as { _handle?: { writeQueueSize?: number } | null }
  return socket.bytesRead + socket.bytesWritten - (_handle?.writeQueueSize ?? 0)
}

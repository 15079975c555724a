import { BodySlow, RouteTimeout } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { movedBytes } from './moved.ts'

/** Looks after the requests that run. One timer for all of them, in place of several for each: a request may overstay
 *  its time by one look.
 *    - the route's time is up: 503, and `signal` aborts
 *    - the client sends its body too slowly: 408
 *    - the client does not read its answer: the connection is cut */
export interface Watch {
  readonly running: number
  add(x: Exchange): void
  remove(x: Exchange): void
  /** Resolves once nothing runs, or after `ms`. */
  idle(ms: number): Promise<void>
  /** Aborts all that runs. */
  abortAll(reason: unknown): void
}

const LOOK_MS = 100

export function createWatch(stallMs: number): Watch {
  const running: Exchange[] = []
  const waiting = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined

  const look = (): void => {
    const now = performance.now()
    for (const x of running) {
      const { timeoutMs } = x
      if (timeoutMs > 0 && x.status === 0 && now - x.startedAt > timeoutMs)
        x.abort(RouteTimeout({ route: x.route.name, timeoutMs }))
      else if (isStalled(x, now, stallMs)) giveUp(x, stallMs)
    }
    if (running.length === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    get running() {
      return running.length
    },
    add(x) {
      x.place = running.push(x) - 1
      timer ??= setInterval(look, LOOK_MS).unref()
    },
    remove(x) {
      // The last one takes its place: a list is cheaper to leave than a set.
      const last = running.pop()!
      if (last !== x) running[(last.place = x.place)] = last
      if (running.length === 0) for (const wake of waiting) wake()
    },
    idle: (ms) =>
      new Promise((resolve) => {
        if (running.length === 0) return resolve()
        const wake = (): void => {
          clearTimeout(limit)
          waiting.delete(wake)
          resolve()
        }
        const limit = setTimeout(wake, ms)
        waiting.add(wake)
      }),
    abortAll(reason) {
      for (const x of [...running]) x.abort(reason)
    },
  }
}

/** Whether we wait for the client, and the client has not moved a byte for too long. */
function isStalled(x: Exchange, now: number, stallMs: number): boolean {
  const { socket } = x.raw
  // Without a real socket there is nobody to wait for.
  if (socket.bytesRead === undefined) return false
  const moved = movedBytes(socket)
  const waitsForClient = x.status === 0 ? !x.raw.complete && x.raw.readableLength === 0 : x.res.writableLength > 0
  if (!waitsForClient || moved !== x.seenBytes) {
    x.seenBytes = moved
    x.movedAt = now
    return false
  }
  return now - x.movedAt > stallMs
}

function giveUp(x: Exchange, waitedMs: number): void {
  if (x.status === 0) x.abort(BodySlow({ waitedMs }))
  else x.res.destroy()
}

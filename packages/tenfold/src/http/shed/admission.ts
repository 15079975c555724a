import type { Telemetry } from '../../telemetry/index.ts'
import { createAdaptiveLimit, type AdaptiveLimit } from './limit.ts'
import { createLoopGuard, type LoopTimes, type Ranked } from './loop.ts'
import { createWaitingRoom } from './queue.ts'
import { PRIORITIES, RANKS } from './rank.ts'

/** What happens when more comes than this process can do. */
export interface SheddingOptions {
  /** How far the event loop may be behind, three turns in a row, before requests are turned away. In milliseconds. Defaults
   *  to 100: Node accepts one new connection in a turn, so that long turns keep clients out. A single handler that blocks the loop for longer is no reason to turn anybody away. */
  maxDelayMs?: number
  /** Most requests that run at once, and most that wait; how many really run is found by trying. Defaults to 1000. */
  maxConcurrency?: number
  /** How long a request may wait to come in. In milliseconds. Defaults to 500. */
  maxWaitMs?: number
}

export type Shed = 'loop' | 'queue' | 'deadline'

/** Lets requests in. Every one that came in and takes a place must `leave`, once. */
export interface Admission {
  /** `true`: comes in. A reason: is turned away. A promise: has to wait, and is then turned away for that reason, or comes in. */
  enter(request: Ranked, deadline: number, takesPlace: boolean): true | Shed | Promise<Shed | undefined>
  /** @param ms how long its answer took; undefined when it says nothing about the route */
  leave(route: string, ms: number | undefined): void
  readonly running: number
}

/** Waits less than this are no use: the answer would come too late. */
const LEAST_MS = 5
/** Fewer at once would hold back an app that only waits for others. */
const LEAST_AT_ONCE = 64

export function createAdmission(
  { maxDelayMs = 100, maxConcurrency = 1000, maxWaitMs = 500 }: SheddingOptions,
  { metrics, log }: Pick<Telemetry, 'metrics' | 'log'>,
  times: LoopTimes = TIMES,
): Admission {
  const limit: AdaptiveLimit = createAdaptiveLimit({
    min: Math.min(LEAST_AT_ONCE, maxConcurrency),
    max: maxConcurrency,
    now: times.now,
  })
  const loop = createLoopGuard(maxDelayMs, RANKS, times)
  const room = createWaitingRoom(maxConcurrency, RANKS)
  const shed = metrics.counter('tenfold.http.shed', {
    help: 'Requests that were turned away, for more came than this process can do.',
    unit: '{request}',
  })
  const words = { told: -Infinity, since: 0 }
  let running = 0
  metrics.observe(
    'tenfold.http.concurrency.limit',
    { help: 'Requests that may run at once, as found by trying.', unit: '{request}' },
    () => limit.value,
  )
  metrics.observe(
    'tenfold.http.waiting',
    { help: 'Requests that wait to come in.', unit: '{request}' },
    () => room.size,
  )

  /** Counted always, said once a second at most: a line for each would cost what turning away saves. */
  const refuse = (why: Shed, rank: number): Shed => {
    shed.add(1, { reason: why, priority: PRIORITIES[rank >> 1]! })
    words.since++
    const now = times.now()
    if (now - words.told >= 1000) {
      log.warn('more requests come than this process can do', { turnedAway: words.since, reason: why, running })
      words.told = now
      words.since = 0
    }
    return why
  }

  const waitInLine = (rank: number, now: number, deadline: number): Promise<Shed | undefined> =>
    new Promise((resolve) => {
      room.wait(
        rank,
        Math.min(now + maxWaitMs, deadline),
        () => {
          running++
          resolve(undefined)
        },
        () => resolve(refuse('queue', rank)),
      )
    })

  return {
    get running() {
      return running
    },
    enter(request, deadline, takesPlace) {
      const now = times.now()
      if (deadline - now < LEAST_MS) return refuse('deadline', request.rank)
      if (!loop.lets(request)) return refuse('loop', request.rank)
      if (!takesPlace) return true
      if (running < limit.value) {
        running++
        return true
      }
      room.sweep(now)
      return waitInLine(request.rank, now, deadline)
    },
    leave(route, ms) {
      if (ms !== undefined) limit.answered(route, ms, running)
      running--
      if (room.size === 0) return
      room.sweep(times.now())
      while (running < limit.value && room.next());
    },
  }
}

const TIMES: LoopTimes = {
  now: () => performance.now(),
  afterTurn: (callback) => void setImmediate(callback),
}

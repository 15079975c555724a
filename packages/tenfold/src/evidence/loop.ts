import { type Buckets, LogLinear } from '../telemetry/index.ts'

/** How long things ran on the event loop without a break. A histogram of delays counts turns, so that one stall of half a
 *  second among a thousand short turns does not show in its p99; here it weighs as long as it took. */
export interface LoopSample {
  /** Time in stalls of 50 ms and longer. */
  stalledMs: number
  longestMs: number
  /** How late a timer of 10 ms was, each time; in milliseconds. */
  late: Buckets
}

const TICK_MS = 10
const STALL_MS = 50

export class LoopWatch {
  #timer: NodeJS.Timeout | undefined
  #last = 0
  #stalledMs = 0
  #longestMs = 0
  #late = new LogLinear()

  start(): void {
    this.#last = performance.now()
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  take(): LoopSample {
    const sample = { stalledMs: this.#stalledMs, longestMs: this.#longestMs, late: this.#late.buckets() }
    this.#stalledMs = this.#longestMs = 0
    this.#late = new LogLinear()
    return sample
  }

  #tick(now: number): void {
    const lateMs = now - this.#last - TICK_MS
    this.#last = now
    if (lateMs < 1) return
    this.#late.record(lateMs)
    if (lateMs < STALL_MS) return
    this.#stalledMs += lateMs
    this.#longestMs = Math.max(this.#longestMs, lateMs)
  }
}

/** What somebody who comes at a random moment waits until the loop is free again, at most with probability `q`: during a
 *  stall of length L the wait is even over 0 to L, so that P(wait > x) = sum of max(0, L - x) over the time watched. */
export function waitQuantile(late: LogLinear, watchedMs: number, q: number): number {
  const { first, counts } = late.buckets()
  const stalls = counts.map((n, i) => ({ n, ms: new LogLinear().merge({ first: first + i, counts: [1] }).sum }))
  const beyond = (x: number): number => stalls.reduce((sum, { n, ms }) => sum + n * Math.max(0, ms - x), 0) / watchedMs
  if (watchedMs <= 0 || beyond(0) <= 1 - q) return 0
  let [low, high] = [0, Math.max(...stalls.map(({ ms }) => ms))]
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (beyond(middle) > 1 - q) low = middle
    else high = middle
  }
  return high
}

/** How many requests may run at once, found by trying: when most answers take much longer than those routes take when little
 *  is going on, there are too many under way, and each waits for the others (a pool, a partner, a disk). Additive increase,
 *  multiplicative decrease. What a route takes in quiet times is forgotten slowly, so that a route that has become slower is
 *  not taken for one that waits for ever. */
export interface AdaptiveLimit {
  readonly value: number
  /** A request has been answered. `running` with it. */
  answered(route: string, ms: number, running: number): void
}

export interface LimitBounds {
  /** Never lower, so that a mistake of ours leaves the app at work. */
  min: number
  max: number
  now(): number
}

const WINDOW_MS = 250
/** Waiting is as long as the work itself, three times over, and can be felt. */
const TOO_SLOW = 4
const FELT_MS = 100
/** So few at once do not hinder each other. */
const QUIET = 16
/** Of the usual times, for each window: without quiet times they double in about a minute. */
const DRIFT = 1.003
const MAX_ROUTES = 2000

export function createAdaptiveLimit({ min, max, now }: LimitBounds): AdaptiveLimit {
  const usual = new Map<string, number>()
  let value = Math.max(min, Math.min(max, 256))
  let windowStart = now()
  let answers = 0
  let slow = 0
  let mostRunning = 0

  const judge = (at: number): void => {
    if (answers >= 8) {
      if (slow * 2 > answers) value = Math.max(min, Math.floor(Math.min(value, mostRunning) * 0.85))
      // More is allowed only where it is wanted: else the number grows without ever having been tried.
      else if (mostRunning >= value * 0.8) value = Math.min(max, value + Math.max(1, Math.floor(value / 16)))
      for (const [route, ms] of usual) usual.set(route, ms * DRIFT)
      answers = slow = mostRunning = 0
      windowStart = at
    } else if (at - windowStart > 10 * WINDOW_MS) {
      answers = slow = mostRunning = 0
      windowStart = at
    }
  }

  return {
    get value() {
      return value
    },
    answered(route, ms, running) {
      const known = usual.get(route)
      if (known === undefined) {
        if (usual.size >= MAX_ROUTES) usual.clear()
        usual.set(route, ms)
      } else if (running <= QUIET) usual.set(route, known + (ms - known) * 0.05)
      else if (ms > known * TOO_SLOW && ms - known > FELT_MS) slow++
      answers++
      if (running > mostRunning) mostRunning = running
      const at = now()
      if (at - windowStart >= WINDOW_MS) judge(at)
    },
  }
}

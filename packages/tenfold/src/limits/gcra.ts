import { toMs } from '../kernel/index.ts'
import { LimitWindowInvalid } from './errors.ts'
import type { Decision, LimitWindow, Pace, Verdict } from './limits.ts'

/** GCRA, the leaky bucket as a meter: a key has one number per window, the time at which it would be back at its full
 *  allowance. Each request moves it `interval` further; it may be at most `tolerance` ahead of now. */

/** Intervals are multiples of 1/4096 ms: the times of our century, in ms, are exact to that much as floating-point numbers, so
 *  that adding an interval any number of times loses nothing. At 1000 requests a second it shifts the rate by 0.01 %. */
const GRAIN = 4096

/** A request that comes a little early is still allowed: timers and clocks have a grain, too. */
export function slackOf(pace: Pace): number {
  return Math.min(1, pace.interval / 2)
}

export function paceOf(name: string, window: LimitWindow): Pace {
  const { max, burst = max } = window
  const per = toMs(window.per)
  const valid = Number.isFinite(max) && max > 0 && Number.isFinite(burst) && burst >= 1 && per > 0
  if (!valid) throw LimitWindowInvalid({ limiter: name, max, burst, per: String(window.per) })
  const interval = Math.max(1, Math.round((per / max) * GRAIN)) / GRAIN
  return { interval, tolerance: interval * burst }
}

/** Decides, and counts in place when allowed.
 *  @param until the numbers of the key, one per window, in the same time as `now`
 *  @param grace in ms: how far the times of two requests may be in the wrong order */
export function count(until: Float64Array, paces: readonly Pace[], cost: number, now: number, grace = 0): boolean {
  for (let i = 0; i < paces.length; i++) {
    const { interval, tolerance } = paces[i]!
    const then = Math.max(until[i]!, now) + cost * interval
    if (then - now > tolerance + slackOf(paces[i]!) + grace) return false
  }
  for (let i = 0; i < paces.length; i++) until[i] = Math.max(until[i]!, now) + cost * paces[i]!.interval
  return true
}

/** How long until `cost` would be allowed, from what is known; 0 when it is allowed now. */
export function waitOf(ahead: number, pace: Pace, cost: number): number {
  const over = ahead + cost * pace.interval - pace.tolerance
  if (over <= slackOf(pace)) return 0
  return cost * pace.interval > pace.tolerance + slackOf(pace) ? Infinity : over
}

/** What a limiter knows beforehand of its windows. */
export interface Plan {
  windows: readonly LimitWindow[]
  paces: readonly Pace[]
  /** The same for what is counted whether or not it is allowed (L8). */
  boundless: readonly Pace[]
}

export function decisionOf(verdict: Verdict, plan: Plan, cost: number, by: Decision['by']): Decision {
  const { allowed, ahead } = verdict
  const { windows, paces } = plan
  let window = 0
  let remaining = remainingOf(ahead[0]!, paces[0]!)
  let retryAfterMs = allowed ? 0 : waitOf(ahead[0]!, paces[0]!, cost)
  for (let i = 1; i < paces.length; i++) {
    const wait = allowed ? 0 : waitOf(ahead[i]!, paces[i]!, cost)
    const left = remainingOf(ahead[i]!, paces[i]!)
    if (wait < retryAfterMs || (wait === retryAfterMs && left >= remaining)) continue
    window = i
    remaining = left
    retryAfterMs = wait
  }
  return { allowed, limit: windows[window]!.max, remaining, retryAfterMs, resetMs: ahead[window]!, window, by }
}

function remainingOf(ahead: number, pace: Pace): number {
  return Math.max(0, Math.floor((pace.tolerance + slackOf(pace) - ahead) / pace.interval))
}

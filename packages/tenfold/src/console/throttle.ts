import type { Clock } from '../kernel/index.ts'

export interface Throttle {
  /** How long this caller has to wait, in milliseconds; 0 when it may try now. */
  waitMs(caller: string): number
  /** Counts one failed attempt. */
  count(caller: string): void
}

/** Lets each caller fail `burst` times at once and then once every `everyMs`. Remembers at most `most` callers: when
 *  they are more, all new ones share one allowance, so that changing addresses buys nothing. */
export function createThrottle(options: { clock: Clock; burst: number; everyMs: number; most: number }): Throttle {
  const { clock, burst, everyMs, most } = options
  /** Per caller, the time at which all its failed attempts will be forgiven. */
  const forgivenAt = new Map<string, number>()
  const slot = (caller: string): string => (forgivenAt.has(caller) || forgivenAt.size < most ? caller : '*')

  return {
    waitMs: (caller) => Math.max(0, (forgivenAt.get(slot(caller)) ?? 0) - clock.now() - (burst - 1) * everyMs),
    count(caller) {
      const now = clock.now()
      if (forgivenAt.size >= most) for (const [key, at] of forgivenAt) if (at <= now) forgivenAt.delete(key)
      const key = slot(caller)
      forgivenAt.set(key, Math.max(now, forgivenAt.get(key) ?? 0) + everyMs)
    },
  }
}

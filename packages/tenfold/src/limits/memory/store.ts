import type { Clock } from '../../kernel/index.ts'
import { count } from '../gcra.ts'
import type { LimitStore, Pace, Verdict } from '../limits.ts'
import { Generations } from './generations.ts'

/** Counts in this process only: for one process, for tests, and for when the shared store is away.
 *  Holds at most `maxKeys` keys; past that, the keys that were not asked for lately start anew. */
export function createMemoryStore(clock: Clock, maxKeys = 200_000): MemoryStore {
  const counts = new Generations<Float64Array>(maxKeys)
  return {
    take(key, paces, cost, now = clock.elapsed(), grace = 0) {
      let until = counts.get(key)
      if (until === undefined) counts.set(key, (until = new Float64Array(paces.length)))
      const allowed = count(until, paces, cost, now, grace)
      const ahead = [Math.max(0, until[0]! - now)]
      for (let i = 1; i < paces.length; i++) ahead.push(Math.max(0, until[i]! - now))
      return { allowed, ahead }
    },
    reset: (key) => counts.delete(key),
    close: () => Promise.resolve(),
  }
}

/** A store that answers at once. */
export interface MemoryStore extends LimitStore {
  /** `now` by the clock of this process, in ms; defaults to the present moment. `grace`: see `count`. */
  take(key: string, paces: readonly Pace[], cost: number, now?: number, grace?: number): Verdict
}

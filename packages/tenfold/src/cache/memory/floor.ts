/** Invalidations say that what is stored is out of date; a replica that has not heard of the change would put the same old
 *  value back. So every load reads from a place that is past the last invalidation, of any cache: replicas are there within
 *  moments, and until then the primary answers. */
import type { Positions } from '../../database/index.ts'

export interface Floor {
  /** Something changed, at the latest at `at`; without it, a moment ago. */
  raise(at?: string): void
  /** The present context reads from above the floor. */
  demand(): void
}

export function createFloor(positions: Positions | undefined): Floor {
  if (!positions) return { raise() {}, demand() {} }
  let known: string | undefined
  /** Counts the changes here; the place of the first `settled` of them is known. */
  let changes = 0
  let settled = 0
  return {
    raise(at) {
      if (at !== undefined) return void (known = positions.later(known, at))
      const count = ++changes
      void positions.now().then((token) => {
        // Where it cannot be found out, loads stay on the primary until it can.
        if (token === undefined) return
        known = positions.later(known, token)
        settled = Math.max(settled, count)
      })
    },
    demand() {
      if (settled < changes) positions.acceptNow()
      else positions.accept(known)
    },
  }
}

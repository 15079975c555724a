/** Jobs that are enqueued in a process whose worker has a free place are leased to it as they are inserted, and begin right after that
 *  one commit. Whoever writes jobs asks here first; who has something else to do takes nothing, and the jobs are claimed as usual. */
import type { Place } from './hint.ts'
import type { Claimed } from './run.ts'

interface Taker {
  /** Places for at most so many jobs, of those names that it can run; undefined if it has something else to do. */
  offer(names: ReadonlySet<string>, most: number): Offer | undefined
}

/** Places of a worker that are kept until `take` or `lose` was called. */
export interface Offer {
  worker: number
  /** All that it can run: what waits of these goes first. */
  names: readonly string[]
  takes(name: string): boolean
  places: number
  /** Where a claim would begin to look. */
  from: Place
  /** They are leased to it; maybe none. */
  take(jobs: Claimed[]): void
  /** Nobody knows whether they are. */
  lose(): void
}

export interface Takers extends Taker {
  /** Gives the way out. */
  join(taker: Taker): () => void
}

export function createTakers(): Takers {
  const takers = new Set<Taker>()
  return {
    offer(names, most) {
      for (const taker of takers) {
        const offer = taker.offer(names, most)
        if (offer) return offer
      }
      return undefined
    },
    join(taker) {
      takers.add(taker)
      return () => void takers.delete(taker)
    },
  }
}

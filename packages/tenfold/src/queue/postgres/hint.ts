/** Where in the line a claim begins to look: a place that all claims have been past for two seconds.
 *
 *  Transactions get their places when they insert and show them when they commit, so one that takes longer than two
 *  seconds comes out below the hint. It is found by the claim without a hint that is made once a second, or at once if
 *  somebody says where to look. */
import type { Clock } from '../../kernel/index.ts'

export interface Place {
  rank: number
  seq: number
}

const START: Place = { rank: -32_768, seq: 0 }
const LAG_MS = 2000
const FULL_EVERY_MS = 1000

export interface Hint {
  next(): Place
  /** The first job of a claim; undefined if it got none. */
  saw(first: Place | undefined): void
  /** Something with this place may be ready. */
  lookBelow(seq: number): void
}

export function createHint(clock: Clock): Hint {
  let place = START
  let candidate: (Place & { at: number }) | undefined
  let fullAt = -Infinity
  return {
    next() {
      const now = clock.elapsed()
      if (candidate && now - candidate.at > LAG_MS) {
        place = candidate
        candidate = undefined
      }
      if (now - fullAt < FULL_EVERY_MS) return place
      fullAt = now
      return START
    },
    saw(first) {
      if (!first) return
      const below = first.rank < place.rank || (first.rank === place.rank && first.seq < place.seq)
      if (below) {
        place = { rank: first.rank, seq: first.seq }
        candidate = undefined
      }
      candidate ??= { rank: first.rank, seq: first.seq, at: clock.elapsed() }
    },
    lookBelow(seq) {
      if (seq < place.seq) fullAt = -Infinity
    },
  }
}

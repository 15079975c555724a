/** Where in the line a claim begins to look.
 *
 *  A claim from the start steps over the index entries of all jobs that were claimed since the oldest open snapshot of the
 *  whole database: a report that runs for minutes leaves a million of them. So most claims begin where the last one found its
 *  first job. What may be below that place is found by others that begin further back:
 *
 *    most claims          where the last one began to find jobs, or where somebody said that a job is ready
 *    one in 100 ms        where claims were two seconds ago: transactions get their places when they insert and show them when
 *                         they commit, and some take longer than others
 *    one in a second      from the start; less often if that takes long, so that it is never more than a tenth of the work */
import type { Clock } from '../../kernel/index.ts'

export interface Place {
  rank: number
  seq: number
}

const START: Place = { rank: -32_768, seq: 0 }
const LAG_MS = 2000
const LAGGED_EVERY_MS = 100
const FULL_EVERY_MS = 1000
/** A claim from the start that took so long is followed by ten times as long without one. */
const SHARE = 10

export interface Hint {
  next(): Place
  /** Where most claims begin. */
  readonly recent: Place
  /** The first job of a claim (undefined if it got none), that began at `from` and took so long. */
  saw(first: Place | undefined, from?: Place, tookMs?: number): void
  /** Something with this place may be ready; 0: somewhere. */
  lookBelow(seq: number): void
}

export function createHint(clock: Clock): Hint {
  let recent = START
  let lagged = START
  let candidate: (Place & { at: number }) | undefined
  let fullAt = -Infinity
  let slowUntil = -Infinity
  let laggedAt = -Infinity
  let told = Infinity

  const next = (): Place => {
    const now = clock.elapsed()
    if (candidate && now - candidate.at > LAG_MS) {
      lagged = candidate
      candidate = undefined
    }
    if (now >= fullAt || (told <= 0 && now >= slowUntil)) {
      fullAt = now + FULL_EVERY_MS
      laggedAt = now + LAGGED_EVERY_MS
      told = Infinity
      return START
    }
    if (now >= laggedAt) {
      laggedAt = now + LAGGED_EVERY_MS
      return below(lagged)
    }
    return below(recent)
  }

  /** All ranks before that of the place are looked at whole. */
  const below = (place: Place): Place => {
    // Somewhere: that waits for a claim from the start.
    if (told <= 0) return place
    const seq = Math.min(told, place.seq)
    told = Infinity
    return seq < place.seq ? { rank: place.rank, seq } : place
  }

  return {
    next,
    get recent() {
      return recent
    },
    saw(first, from, tookMs = 0) {
      if (from === START) {
        slowUntil = clock.elapsed() + tookMs * SHARE
        fullAt = Math.max(fullAt, slowUntil)
      }
      if (!first) return
      const { rank, seq } = first
      recent = { rank, seq }
      if (isBefore(first, lagged)) {
        lagged = recent
        candidate = undefined
      }
      candidate ??= { rank, seq, at: clock.elapsed() }
    },
    lookBelow(seq) {
      told = Math.min(told, seq)
    },
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.seq < b.seq)
}

/** A short spike is no reason to build anything: many came at once, it was slow for a moment, and it has passed. */
import type { Evidence } from '../evidence/index.ts'

export interface Spike {
  seconds: number
  /** How many times as many requests as otherwise. */
  times: number
  /** p95 in the worst of the other slots. */
  otherwise: number
  /** Of requests, errors outside of it. */
  errors: number
}

const LEAST_SLOTS = 6
const LONGEST = 1 / 3
const LONGEST_SECONDS = 120
/** Of requests that were let in and failed: those who try again are more requests, too. */
const FAILED = 0.05
const CALM_AFTER = 2
const TIMES = 2
/** Fewer are no crowd, however few came otherwise. */
const LEAST_REQUESTS = 20

/** All slow slots lie together in a small part of the window, are over, and had far more requests than the rest. What is slow
 *  at a usual load, again and again, or until the end, is something else, and so is what failed: then many came because of that. */
export function spikeIn({ traffic, configuration, window }: Evidence): Spike | undefined {
  const promised = configuration.promisedP95
  const busy = traffic.slots.filter(({ requests }) => requests > 0)
  const first = busy.findIndex(({ p95 }) => p95 > promised)
  const last = busy.findLastIndex(({ p95 }) => p95 > promised)
  if (busy.length < LEAST_SLOTS || first < 1 || last > busy.length - 1 - CALM_AFTER) return undefined
  const inside = busy.slice(first, last + 1)
  // A slot is longer where the machine was too busy to end it in time. One in which nobody came is not what is usual.
  const lengths = new Map(
    traffic.slots.map(({ at }, i) => [at, ((traffic.slots[i + 1]?.at ?? at + window.slotSeconds * 1000) - at) / 1000]),
  )
  const lengthOf = (slots: typeof inside): number => slots.reduce((all, { at }) => all + lengths.get(at)!, 0)
  const seconds = (busy[last + 1]!.at - busy[first]!.at) / 1000
  const whole = (busy.at(-1)!.at - busy[0]!.at) / 1000 + window.slotSeconds
  if (seconds > whole * LONGEST || seconds > LONGEST_SECONDS) return undefined
  const sum = (slots: typeof inside, of: 'requests' | 'errors'): number =>
    slots.reduce((all, slot) => all + slot[of], 0)
  if (sum(inside, 'errors') - traffic.shed > sum(inside, 'requests') * FAILED) return undefined
  const outside = [...busy.slice(0, first), ...busy.slice(last + 1)]
  const usual = Math.max(0.1, sum(outside, 'requests') / lengthOf(outside))
  // Requests are counted when they are answered: those of a standstill all at its end, so that no slot of it tells alone.
  const times = sum(inside, 'requests') / lengthOf(inside) / usual
  if (times < TIMES || sum(inside, 'requests') < LEAST_REQUESTS) return undefined
  return {
    seconds,
    times,
    otherwise: Math.max(...outside.map(({ p95 }) => p95)),
    errors: sum(outside, 'errors'),
  }
}

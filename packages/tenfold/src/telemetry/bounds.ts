import { middleOf, type LogLinear } from './histogram.ts'
import type { Exemplar } from './telemetry.ts'

/** How many values lie between one bound and the next; one more than there are bounds, the last for all above.
 *  A log-linear bucket that a bound cuts is counted where its middle lies: a value within 3.2 % of a bound may be counted
 *  on the other side of it. */
export function countsBetween(histogram: LogLinear, bounds: readonly number[]): number[] {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0)
  const { first, counts: buckets } = histogram.buckets()
  let at = 0
  for (let i = 0; i < buckets.length; i++) {
    const middle = middleOf(first + i)
    while (at < bounds.length && middle > bounds[at]!) at++
    counts[at]! += buckets[i]!
  }
  return counts
}

/** The latest example for each place of {@link countsBetween}. */
export function exemplarsBetween(exemplars: readonly Exemplar[], bounds: readonly number[]): (Exemplar | undefined)[] {
  const places: (Exemplar | undefined)[] = []
  for (const exemplar of exemplars) {
    const above = bounds.findIndex((bound) => exemplar.value <= bound)
    const place = above < 0 ? bounds.length : above
    if ((places[place]?.timeMs ?? 0) < exemplar.timeMs) places[place] = exemplar
  }
  return places
}

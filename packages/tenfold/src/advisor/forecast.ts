/** When the load of each day reaches a limit. A line through the peaks of days, straight or exponential, whichever would
 *  have foretold the last week better; its slope is the median over all pairs, so that one wild day moves nothing
 *  (Theil 1950, Sen 1968). How sure that is comes from drawing its residuals again. Without three weeks of days, or when
 *  the last week would have been missed by more than 30 %, it says so and gives no date. */
import type { Growth } from './verdict.ts'

interface Day {
  peakPerSecond: number
}

const LEAST_DAYS = 21
const WORST_ERROR = 0.3
const CLEARLY = 0.8
const DRAWS = 100
const HORIZON_DAYS = 730

export function growthOf(days: readonly Day[], limit: number | undefined): Growth {
  const known = days.length
  if (known < LEAST_DAYS || limit === undefined) return { known: false, reason: 'too few days', days: known }
  const peaks = withoutWeek(days.map(({ peakPerSecond }) => Math.max(0.001, peakPerSecond)))
  // Growth compounds: a straight line has to be clearly better to be believed, since it foretells a later day.
  const [even, compound] = [missedBy(peaks, straight), missedBy(peaks, exponential)]
  const best = even < compound * CLEARLY ? { fit: straight, error: even } : { fit: exponential, error: compound }
  if (best.error > WORST_ERROR) return { known: false, reason: 'too irregular', days: known }
  const line = best.fit(peaks)
  const reached = daysUntil(line, known, limit)
  if (reached === undefined) return { known: false, reason: 'no limit in sight', days: known }
  const residuals = peaks.map((peak, i) => peak / Math.max(0.001, line(i)))
  const random = generator(known)
  const draws = Array.from({ length: DRAWS }, () => {
    const drawn = peaks.map((_, i) => line(i) * residuals[Math.floor(random() * residuals.length)]!)
    return daysUntil(best.fit(drawn), known, limit) ?? HORIZON_DAYS
  }).sort((a, b) => a - b)
  return {
    known: true,
    days: reached,
    low: Math.min(reached, draws[Math.floor(DRAWS * 0.1)]!),
    high: Math.max(reached, draws[Math.floor(DRAWS * 0.9)]!),
    perWeek: line(known + 7) / Math.max(0.001, line(known)) - 1,
    error: best.error,
  }
}

type Line = (day: number) => number

/** Weekdays differ: each is divided by how it usually stands to the others. */
function withoutWeek(peaks: readonly number[]): number[] {
  const overall = median(peaks)
  const factors = Array.from({ length: 7 }, (_, weekday) => {
    const own = peaks.flatMap((peak, i) => (i % 7 === weekday ? [peak / around(peaks, i)] : []))
    return median(own)
  })
  // Brought back to what the busiest weekday has: that is the day on which a limit is reached.
  const busiest = Math.max(...factors)
  return peaks.map((peak, i) => (overall === 0 ? peak : (peak / factors[i % 7]!) * busiest))
}

function around(peaks: readonly number[], i: number): number {
  const near = peaks.slice(Math.max(0, i - 3), i + 4)
  return near.reduce((sum, peak) => sum + peak, 0) / near.length
}

function straight(peaks: readonly number[]): Line {
  const slope = median(slopes(peaks))
  const start = median(peaks.map((peak, i) => peak - slope * i))
  return (day) => start + slope * day
}

function exponential(peaks: readonly number[]): Line {
  const line = straight(peaks.map((peak) => Math.log(peak)))
  return (day) => Math.exp(line(day))
}

function slopes(values: readonly number[]): number[] {
  return values.flatMap((value, i) => values.slice(i + 1).map((later, j) => (later - value) / (j + 1)))
}

/** Mean error, in parts of one, of foretelling the last week by the days before it. */
function missedBy(peaks: readonly number[], fit: (peaks: readonly number[]) => Line): number {
  const before = peaks.length - 7
  const line = fit(peaks.slice(0, before))
  const errors = peaks.slice(before).map((peak, i) => Math.abs(line(before + i) - peak) / peak)
  return errors.reduce((sum, error) => sum + error, 0) / errors.length
}

function daysUntil(line: Line, today: number, limit: number): number | undefined {
  for (let day = 0; day <= HORIZON_DAYS; day++) if (line(today + day) >= limit) return day
  return undefined
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return 0
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The same numbers each time: the same evidence has to give the same verdict (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Whether something has become slower to stay, and since when.
 *
 *  A series by the hour has a rhythm of days and weeks, noise that is alike for hours, and hours that are simply wild. So
 *  each hour is compared with what is usual at its time of day, workdays and weekends apart (medians, on a log scale: what
 *  matters is times, not milliseconds); of what is left, every split of the last two days is tried, and the best one counts
 *  if it is large in itself, large against the noise, and larger than any split of the same kind in the weeks before. That
 *  last comparison needs no assumption about the noise (a permutation test over time, as in Hunter, ICPE 2023, and the
 *  E-divisive means of Matteson and James, 2014, which compare a split with splits of reordered data). */
export interface HourPoint {
  at: number
  count: number
  /** Of one request, query or job in that hour. */
  meanMs: number
}

export interface Found {
  /** The first hour that is slower. */
  at: number
  before: number
  after: number
  /** How often the usual spread the step is. */
  score: number
}

export interface ShiftOptions {
  /** Hours with less say nothing. Defaults to 40. */
  leastCount?: number
  /** The least step that matters, as a ratio. Defaults to 1.25. */
  leastRatio?: number
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Two of each weekday: less past cannot tell a rhythm from a change. */
const TRAINING_MS = 14 * DAY
const WEEK_HOURS = 7 * 24
const LEAST_TRAINING = 48
const LOOK_BACK_HOURS = 48
/** Slower for so many hours in a row, or nobody is told. */
const LEAST_HOURS = 5
const LEAST_SCORE = 8
/** Larger than what the weeks before had, by this factor. */
const UNUSUAL = 2
/** Spread below this is not believed: 3 %. */
const LEAST_SPREAD = 0.03

/** The newest lasting slowdown in the last two days; undefined when there is none, or when the past is too short to say. */
export function findShift(points: readonly HourPoint[], options: ShiftOptions = {}): Found | undefined {
  const { leastCount = 40, leastRatio = 1.25 } = options
  const usable = points.filter(({ count, meanMs }) => count >= leastCount && meanMs > 0)
  const last = usable.at(-1)
  if (!last || last.at - usable[0]!.at < TRAINING_MS) return undefined
  const from = last.at - LOOK_BACK_HOURS * HOUR
  const training = usable.filter(({ at }) => at < from)
  if (training.length < LEAST_TRAINING) return undefined
  const usual = usualAt(training)
  const left = usable.map((point) => ({ at: point.at, value: Math.log(point.meanMs) - usual(point.at) }))
  const recent = left.filter(({ at }) => at >= from)
  const past = left.filter(({ at }) => at < from).map(({ value }) => value)
  const spread = Math.max(LEAST_SPREAD, spreadOf(past))
  const best = bestSplit(
    recent.map(({ value }) => value),
    median(past.slice(-WEEK_HOURS)),
  )
  if (!best || best.step < Math.log(leastRatio)) return undefined
  const score = best.step / spread
  const first = recent[best.index]!
  // The last hours have to be slow as well: what has passed is no regression.
  const stillSlow = recent.slice(-LEAST_HOURS).every(({ value }) => value - best.before > best.step / 2)
  if (!stillSlow || score * Math.sqrt(Math.min(best.hours, 8)) < LEAST_SCORE) return undefined
  if (best.step <= UNUSUAL * usualStep(past, best.hours)) return undefined
  const level = Math.exp(usual(last.at) + best.before)
  return { at: first.at, before: level, after: level * Math.exp(best.step), score }
}

/** By the hour of the day, workdays and weekends apart; where one was never seen, by the hour alone, then overall. */
function usualAt(training: readonly HourPoint[]): (at: number) => number {
  const cells = new Map<string, number[]>()
  const add = (key: string, value: number): void => {
    const known = cells.get(key)
    if (known) known.push(value)
    else cells.set(key, [value])
  }
  for (const { at, meanMs } of training) for (const key of keysOf(at)) add(key, Math.log(meanMs))
  const medians = new Map([...cells].map(([key, values]) => [key, { median: median(values), n: values.length }]))
  return (at) => {
    const [exact, hour, all] = keysOf(at).map((key) => medians.get(key))
    return (exact && exact.n >= 2 ? exact : (hour ?? all))!.median
  }
}

function keysOf(at: number): [string, string, string] {
  const hour = Math.floor((at % DAY) / HOUR)
  // 1970 began on a Thursday.
  const weekday = (Math.floor(at / DAY) + 3) % 7
  return [`${weekday > 4 ? 'weekend' : 'workday'} ${hour}`, `${hour}`, 'all']
}

interface Split {
  index: number
  hours: number
  before: number
  step: number
}

/** The split whose two levels leave the least of the hours unexplained (least absolute deviations: a wild hour is no level). */
function bestSplit(values: readonly number[], usual: number): Split | undefined {
  let best: Split | undefined
  let least = Infinity
  for (let index = 0; index <= values.length - LEAST_HOURS; index++) {
    const head = values.slice(0, index)
    const tail = values.slice(index)
    // Higher than before is not enough: what was low for a night and is as ever again has not become slower.
    const before = index >= 6 ? Math.max(usual, median(head)) : usual
    const after = median(tail)
    const cost = deviations(head, before) + deviations(tail, after)
    if (after > before && cost < least) {
      least = cost
      best = { index, hours: values.length - index, before, step: after - before }
    }
  }
  return best
}

function deviations(values: readonly number[], level: number): number {
  return values.reduce((sum, value) => sum + Math.abs(value - level), 0)
}

/** The largest step that as many hours have made in the past, against the day before them. */
function usualStep(past: readonly number[], hours: number): number {
  const width = Math.min(hours, 24)
  let largest = 0
  for (let at = 24; at + width <= past.length; at += Math.max(1, Math.floor(width / 4)))
    largest = Math.max(largest, median(past.slice(at, at + width)) - median(past.slice(at - 24, at)))
  return largest
}

/** The median distance from the median, made comparable with a standard deviation. */
function spreadOf(values: readonly number[]): number {
  const middle = median(values)
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)))
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

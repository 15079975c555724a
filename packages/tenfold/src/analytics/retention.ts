/** Retention from each person's periods: a bit for each period in which they were there. Few people are alike in all of
 *  them, but few enough masks are different that the engine only counts masks, and this makes the table of them. */

export interface MaskCount {
  /** The period in which the person began, counted from the first of the range; absent for who began before it. */
  first: number | undefined
  /** Bit n: did in period n what begins a cohort (of `recurring` ones). */
  started: bigint
  /** Bit n: was back in period n. */
  back: bigint
  people: number
}

export interface RetentionRule {
  periods: number
  cohort: 'first' | 'recurring'
  measure: 'on' | 'onOrAfter'
  /** Blocks of periods after the first one. */
  brackets: readonly (readonly [number, number])[]
}

export interface Cohort {
  size: number
  /** One for each bracket. */
  counts: number[]
}

/** [cohort], one for each period of the range. */
export function countRetention(masks: readonly MaskCount[], rule: RetentionRule): Cohort[] {
  const cohorts = Array.from({ length: rule.periods }, () => ({ size: 0, counts: rule.brackets.map(() => 0) }))
  const whole = (1n << BigInt(rule.periods)) - 1n
  for (const mask of masks) {
    for (const start of startsOf(mask, rule)) {
      const cohort = cohorts[start]!
      cohort.size += mask.people
      rule.brackets.forEach(([from, to], i) => {
        const last = rule.measure === 'onOrAfter' ? rule.periods : start + to
        if (mask.back & between(start + from, last) & whole) cohort.counts[i]! += mask.people
      })
    }
  }
  return cohorts
}

function startsOf({ first, started }: MaskCount, { cohort, periods }: RetentionRule): number[] {
  if (cohort === 'first') return first === undefined || first >= periods ? [] : [first]
  return Array.from({ length: periods }, (_, n) => n).filter((n) => (started >> BigInt(n)) & 1n)
}

/** Bits `from` to `to`, both included. */
function between(from: number, to: number): bigint {
  return to < from ? 0n : ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from)
}

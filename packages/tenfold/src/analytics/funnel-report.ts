/** What a funnel's count says: shares, times, and the values it is split by. */
import type { FunnelQuery, FunnelReport, FunnelStep } from './analytics.ts'
import { countFunnel, type FunnelCount, type FunnelRows, type FunnelRule } from './funnel.ts'

/** Values of a breakdown that stand for themselves; rows bear the place of theirs, after 0 for none and 1 for the others. */
export const MOST_VALUES = 20

export function funnelOf(
  rows: FunnelRows,
  rule: Omit<FunnelRule, 'values'>,
  { steps, breakdown }: FunnelQuery,
  values: readonly string[],
): Pick<FunnelReport, 'steps' | 'stillOpen' | 'breakdown'> {
  const count = countFunnel(rows, { ...rule, values: breakdown === undefined ? 1 : values.length + 2 })
  const names = steps.map(({ event }) => event)
  return {
    steps: stepsOf(names, count, count.reached.length - 1),
    stillOpen: count.stillOpen,
    ...(breakdown !== undefined && { breakdown: byValue(names, count, values) }),
  }
}

function stepsOf(names: readonly string[], { reached, tookUs }: FunnelCount, slot: number): FunnelStep[] {
  return names.map((event, k) => {
    const count = reached[slot]![k]!
    const first = reached[slot]![0]!
    const previous = k === 0 ? count : reached[slot]![k - 1]!
    const took = k === 0 ? [] : Float64Array.from(tookUs[slot]![k]!).sort()
    return {
      event,
      count,
      ofFirst: first === 0 ? 0 : count / first,
      ofPrevious: previous === 0 ? 0 : count / previous,
      medianMs: nearestRank(took, 0.5),
      p90Ms: nearestRank(took, 0.9),
    }
  })
}

/** The smallest value that at least this share of all do not exceed. */
function nearestRank(sorted: ArrayLike<number>, share: number): number | null {
  if (sorted.length === 0) return null
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]! / 1000
}

function byValue(
  names: readonly string[],
  count: FunnelCount,
  values: readonly string[],
): NonNullable<FunnelReport['breakdown']> {
  // Value 0: without the property; 1: all that are not among the frequent ones.
  const labels = [null, '(other)', ...values]
  return labels
    .map((value, slot) => ({ value, steps: stepsOf(names, count, slot) }))
    .filter(({ steps }) => steps[0]!.count > 0)
    .sort((a, b) => b.steps[0]!.count - a.steps[0]!.count)
}

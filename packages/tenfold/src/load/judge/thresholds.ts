import type { LoadResult, Quantiles, StepResult } from '../load.ts'

/** What was asked for, and what came: `p95` and the like in milliseconds over all steps, `errors` as a share, a route's name
 *  before it for that route alone. A route that never ran does not hold: nothing was shown. */
export function judgeThresholds(
  wanted: Record<string, number>,
  steps: readonly StepResult[],
  total: LoadResult['total'],
): LoadResult['thresholds'] {
  return Object.entries(wanted).map(([name, most]) => {
    const space = name.lastIndexOf(' ')
    const measure = name.slice(space + 1)
    const value =
      space < 0 ? valueOf(measure, total.latency, total.errorShare) : ofRoute(name.slice(0, space), measure, steps)
    return { name, most, value, holds: value <= most }
  })
}

function valueOf(measure: string, latency: Quantiles, errors: number): number {
  return measure === 'errors' ? errors : (latency[measure as keyof Quantiles] ?? Infinity)
}

/** The worst step counts: percentiles of steps cannot be averaged. */
function ofRoute(route: string, measure: string, steps: readonly StepResult[]): number {
  const found = steps.flatMap((step) => step.routes[route] ?? [])
  if (found.length === 0) return Infinity
  if (measure !== 'errors') return Math.max(...found.map(({ latency }) => valueOf(measure, latency, 0)))
  const failed = found.flatMap(({ errors }) => Object.values(errors)).reduce((sum, n) => sum + n, 0)
  return failed / found.reduce((sum, { count }) => sum + count, 0)
}

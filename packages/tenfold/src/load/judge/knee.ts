/** The saturation knee: how much the app does while it still keeps its word. */
import type { LoadResult, StepResult } from '../load.ts'

export interface Goal {
  /** Milliseconds, at p95. Defaults to 500. */
  p95: number
  /** From 0 to 1. Defaults to 0.001. */
  errors: number
}

export const DEFAULT_GOAL: Goal = { p95: 500, errors: 0.001 }

/** Of what was due, so much has to be done within the step: less means that it falls behind. What is still under way at the
 *  end of a short step is no sign of that. */
const LEAST_ACHIEVED = 0.98

export interface Knee {
  goal: Goal
  /** The highest rate at which everything up to it met the goal, and the first one above that did not. */
  rate: number | undefined
  failedAt: number | undefined
  /** What the first one missed. */
  because: string[]
}

export function meets(step: StepResult, goal: Goal): boolean {
  return missesOf(step, goal).length === 0
}

function missesOf(step: StepResult, { p95, errors }: Goal): string[] {
  const failed = Object.values(step.errors).reduce((sum, n) => sum + n, 0)
  const share = failed / Math.max(1, step.due)
  const misses: string[] = []
  if (step.latency.p95 > p95) misses.push(`p95 ${Math.round(step.latency.p95)} ms`)
  if (share > errors) misses.push(`${(share * 100).toFixed(1)} % errors`)
  // Those who were under way at the end (Little's law) have not failed to be done.
  if (step.completed + Math.min(step.inFlight, step.due * 0.1) < step.due * LEAST_ACHIEVED - 1) {
    misses.push(`${Math.round(step.achieved)} done of ${Math.round(step.offered)} a second`)
  }
  return misses
}

/** Of the open steps that say something about the app; repeated ones all have to meet the goal. */
export function kneeOf({ steps }: Pick<LoadResult, 'steps'>, goal: Goal): Knee {
  const open = steps.filter(({ kind, invalid }) => kind === 'open' && invalid.length === 0)
  const rates = [...new Set(open.map(({ offered }) => offered))].toSorted((a, b) => a - b)
  let rate: number | undefined
  for (const at of rates) {
    const because = open.filter(({ offered }) => offered === at).flatMap((step) => missesOf(step, goal))
    if (because.length > 0) return { goal, rate, failedAt: at, because: [...new Set(because)] }
    rate = at
  }
  return { goal, rate, failedAt: undefined, because: [] }
}

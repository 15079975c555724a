/** Did it get slower? Two runs of the same steps, repeated: the samples are the rounds, not the seconds within one, since
 *  seconds of one round are alike for reasons that have nothing to do with the change. */
import { upperEndOf } from '../../telemetry/index.ts'
import { NotComparable } from '../errors.ts'
import type { LoadResult, StepResult } from '../load.ts'
import { chanceOfHigher, shiftInterval, shiftOf, type Stratum } from './statistics.ts'

export interface Change {
  measure: 'p50' | 'p95' | 'achieved'
  /** After by before: 1.3 is 30 % more. */
  ratio: number
  low: number
  high: number
  /** How likely chance alone would give as much, in the direction that was seen. */
  chance: number
  verdict: 'worse' | 'better' | 'same' | 'not clear'
}

export interface Comparison {
  before: string
  after: string
  /** What was repeated in both: rate or users, and how often. */
  steps: { load: string; before: number; after: number }[]
  changes: Change[]
  errors: { before: number; after: number; worse: boolean }
  verdict: 'slower' | 'faster' | 'same' | 'not clear'
  notes: string[]
}

export interface CompareOptions {
  /** What is too little to matter. Defaults to 0.1, a tenth. */
  least?: number
  /** Defaults to 0.02. */
  chance?: number
}

const LEAST_ROUNDS = 4

/** Why two cannot be compared; undefined when they can. */
export function problemOf(before: readonly LoadResult[], after: readonly LoadResult[]): string | undefined {
  const [old, fresh] = [stepsByLoad(before), stepsByLoad(after)]
  const loads = [...old.keys()].filter((load) => fresh.has(load))
  if (loads.length === 0)
    return `no step is in both (${[...old.keys()].join(', ')} before, ${[...fresh.keys()].join(', ')} after)`
  const rounds = (of: Map<string, StepResult[]>): number => loads.reduce((sum, load) => sum + of.get(load)!.length, 0)
  const fewest = Math.min(rounds(old), rounds(fresh))
  return fewest < LEAST_ROUNDS
    ? `one of them has ${fewest} rounds of these steps, and it takes ${LEAST_ROUNDS}`
    : undefined
}

/** Throws TF_LOAD_NOT_COMPARABLE when the two have not at least four rounds of the same steps. */
export function compareRuns(
  before: readonly LoadResult[],
  after: readonly LoadResult[],
  { least = 0.1, chance = 0.02 }: CompareOptions = {},
): Comparison {
  const problem = problemOf(before, after)
  if (problem !== undefined) throw NotComparable({ problem })
  const [old, fresh] = [stepsByLoad(before), stepsByLoad(after)]
  const loads = [...old.keys()].filter((load) => fresh.has(load))
  const change = (measure: Change['measure'], moreIsWorse: boolean): Change => {
    const strata = loads.map((load): Stratum => {
      const values = (steps: readonly StepResult[]): number[] =>
        steps.map((step) => Math.log(Math.max(1e-6, valueOf(step, measure))))
      return { before: values(old.get(load)!), after: values(fresh.get(load)!) }
    })
    return judge(measure, strata, moreIsWorse, least, chance)
  }
  const changes = [change('p50', true), change('p95', true), change('achieved', false)]
  const errors = { before: errorShare(before), after: errorShare(after) }
  const worseErrors = errors.after > errors.before * 2 && errors.after > errors.before + 0.01
  const some = (verdict: Change['verdict']): boolean => changes.some((one) => one.verdict === verdict)
  const left = (runs: readonly LoadResult[]): number =>
    runs.flatMap(({ steps }) => steps).filter((step) => step.invalid.length > 0).length
  const invalid = left(before) + left(after)
  return {
    before: before.map(({ id }) => id).join(', '),
    after: after.map(({ id }) => id).join(', '),
    steps: loads.map((load) => ({ load, before: old.get(load)!.length, after: fresh.get(load)!.length })),
    changes,
    errors: { ...errors, worse: worseErrors },
    verdict:
      some('worse') || worseErrors ? 'slower' : some('better') ? 'faster' : some('not clear') ? 'not clear' : 'same',
    notes: [
      ...(invalid > 0 ? [`${invalid} steps were left out: there the generator was the limit`] : []),
      ...(before[0]!.machine.model !== after[0]!.machine.model ? ['the two ran on different machines'] : []),
    ],
  }
}

function judge(
  measure: Change['measure'],
  strata: Stratum[],
  moreIsWorse: boolean,
  least: number,
  most: number,
): Change {
  const shift = shiftOf(strata)
  const [low, high] = shiftInterval(strata, 1)
  const higher = shift >= 0
  const chance = chanceOfHigher(
    higher ? strata : strata.map(({ before, after }) => ({ before: after, after: before })),
    1,
  )
  const limit = Math.log(1 + least)
  const certain = chance <= most && (higher ? low > 0 : high < 0)
  const verdict =
    certain && Math.abs(shift) >= limit
      ? higher === moreIsWorse
        ? 'worse'
        : 'better'
      : (low > -limit && high < limit) || (certain && Math.abs(shift) < limit)
        ? 'same'
        : 'not clear'
  return { measure, ratio: Math.exp(shift), low: Math.exp(low), high: Math.exp(high), chance, verdict }
}

function valueOf(step: StepResult, measure: Change['measure']): number {
  if (measure === 'achieved') return step.achieved
  return finer(step, measure === 'p50' ? 0.5 : 0.95)
}

/** Between the edges of its bucket by rank: buckets are 6 % wide, and a change may be less. */
function finer({ buckets, latency }: StepResult, q: number): number {
  const rank = q * latency.count
  let seen = 0
  for (const [i, count] of buckets.counts.entries()) {
    if (count > 0 && seen + count >= rank) {
      const [from, to] = edgesOf(buckets.first + i)
      return from + ((to - from) * (rank - seen)) / count
    }
    seen += count
  }
  return latency.max
}

function edgesOf(bucket: number): [number, number] {
  return [bucket > 0 ? upperEndOf(bucket - 1) : 0, upperEndOf(bucket)]
}

function stepsByLoad(runs: readonly LoadResult[]): Map<string, StepResult[]> {
  const valid = runs
    .flatMap(({ steps }) => steps)
    .filter(({ invalid, latency }) => invalid.length === 0 && latency.count > 0)
  return Map.groupBy(valid, ({ users, offered }) => (users === undefined ? `${round(offered)}/s` : `${users} users`))
}

function round(rate: number): number {
  return Math.round(rate * 100) / 100
}

function errorShare(runs: readonly LoadResult[]): number {
  return runs.reduce((sum, { total }) => sum + total.errorShare, 0) / runs.length
}

/** The runs of `tenfold load` that lie in the project, for the console. */
import { fileURLToPath } from 'node:url'
import type { LoadRuns, LoadRunView } from '../inspect/index.ts'
import { TenfoldError } from '../kernel/index.ts'
import type { LoadResult, StepResult } from '../load/index.ts'

const MOST_RUNS = 50

/** The module that judges runs is loaded when somebody looks at one. */
export function loadRunsOf(root: URL): LoadRuns {
  const folder = fileURLToPath(new URL('.tenfold/load', root))
  const load = () => import('../load/index.ts')
  return {
    async list() {
      const { DEFAULT_GOAL, fitUsl, kneeOf, listResults, pointsOf, wordsOfKnee, wordsOfUsl } = await load()
      return listResults(folder)
        .slice(0, MOST_RUNS)
        .map((result) =>
          viewOf(result, [wordsOfKnee(kneeOf(result, DEFAULT_GOAL)), ...wordsOfUsl(fitUsl(pointsOf(result.steps)))]),
        )
    },
    async compare(before, after) {
      const { compareRuns, listResults, wordsOfComparison } = await load()
      // Names of runs alone, and no paths.
      const [old, fresh] = [before, after].map((id) => listResults(folder).filter((run) => run.id === id))
      try {
        const comparison = compareRuns(old!, fresh!)
        return { verdict: comparison.verdict, lines: [...wordsOfComparison(comparison), ...comparison.notes] }
      } catch (error) {
        if (!(error instanceof TenfoldError)) throw error
        return { verdict: 'not comparable', lines: [error.message, error.fix] }
      }
    },
  }
}

function viewOf(result: LoadResult, words: string[]): LoadRunView {
  const { id, scenario, url, startedAt, endedAt, release, steps, total, valid, invalid, thresholds, notes } = result
  return {
    id,
    at: startedAt,
    scenario,
    ...(release !== undefined && { release }),
    url,
    seconds: (endedAt - startedAt) / 1000,
    requests: total.requests,
    p50: total.latency.p50,
    p95: total.latency.p95,
    p99: total.latency.p99,
    errorShare: total.errorShare,
    valid,
    notes: [...invalid, ...notes],
    thresholds,
    words,
    steps: steps.map(stepOf),
    series: steps.flatMap(({ series }) =>
      series.map(({ at, completed, errors, p50, p95 }) => ({
        time: startedAt + at * 1000,
        completed,
        errors,
        p50,
        p95,
      })),
    ),
  }
}

function stepOf({ round, users, offered, achieved, latency, errors, invalid, felt }: StepResult) {
  return {
    round,
    load: users === undefined ? `${Math.round(offered * 10) / 10} a second` : `${users} users`,
    offered,
    achieved,
    p50: latency.p50,
    p95: latency.p95,
    p99: latency.p99,
    errors: Object.values(errors).reduce((sum, n) => sum + n, 0),
    valid: invalid.length === 0,
    ...(felt?.appCpu !== undefined && { appCpu: felt.appCpu }),
    ...(felt?.databaseCpu !== undefined && { databaseCpu: felt.databaseCpu }),
  }
}

/** What has to hold, and whether it does: medians of one run, compared with each other and never with another run's. */
import type { Claim } from '../../scripts/claims/index.ts'
import { median, type Results, type Sample } from './samples.ts'
import { BULLMQ, GRAPHILE, OURS, PG_BOSS } from './systems/index.ts'

interface Goal {
  scenario: string
  against: string
  /** At least so many times theirs; for latencies and CPU: at most. */
  times: number
}

const FASTER: Goal[] = [
  { scenario: 'run, concurrency 10', against: BULLMQ, times: 5 },
  { scenario: 'run, concurrency 10', against: PG_BOSS, times: 3 },
  { scenario: 'run, concurrency 10', against: GRAPHILE, times: 2 },
  { scenario: 'enqueue, 50 callers', against: BULLMQ, times: 2 },
  { scenario: 'enqueue, 50 callers', against: PG_BOSS, times: 20 },
  { scenario: 'enqueue, 50 callers', against: GRAPHILE, times: 20 },
  { scenario: 'enqueue 1,000 at a time', against: GRAPHILE, times: 2.5 },
  { scenario: 'enqueue 1,000 at a time', against: BULLMQ, times: 4 },
  { scenario: 'enqueue one after another', against: PG_BOSS, times: 2 },
  { scenario: 'enqueue one after another', against: GRAPHILE, times: 2 },
  { scenario: 'enqueue one after another', against: BULLMQ, times: 0.5 },
  ...['1 worker process', '2 worker processes', '4 worker processes'].flatMap((crew) =>
    [BULLMQ, PG_BOSS, GRAPHILE].map((against) => ({ scenario: `run, ${crew}`, against, times: 1 })),
  ),
]

const SOONER: Goal[] = [
  { scenario: 'enqueue to start, same process', against: BULLMQ, times: 1.2 },
  { scenario: 'enqueue to start, another process', against: BULLMQ, times: 2 },
]

const BACKLOG = /^run with ([\d,]+) waiting$/

/** Of the scenarios that were run. */
export function claimsOf(results: Results): Claim[] {
  const ratio = ({ scenario, against }: Goal, of: (sample: Sample) => number): number | undefined => {
    const samples = results.get(scenario)
    if (!samples) return undefined
    return median(samples.get(OURS)!.map(of)) / median(samples.get(against)!.map(of))
  }
  const claim = (goal: Goal, words: string, atLeast: boolean, of: (sample: Sample) => number): Claim[] => {
    const value = ratio(goal, of)
    if (value === undefined) return []
    return [
      {
        claim: `${words}, against ${goal.against}`,
        goal: `${atLeast ? 'at least' : 'at most'} ${goal.times} x`,
        value: `${value.toFixed(2)} x`,
        holds: atLeast ? value >= goal.times : value <= goal.times,
      },
    ]
  }
  const cpu: Goal = { scenario: 'run, concurrency 10', against: GRAPHILE, times: 0.65 }
  return [
    ...FASTER.flatMap((goal) => claim(goal, `${goal.scenario}: jobs/s`, true, (one) => one.value)),
    ...SOONER.flatMap((goal) => claim(goal, `${goal.scenario}: p95`, false, (one) => one.value)),
    ...claim(cpu, 'CPU of database and client for a job that runs', false, (one) => one.database! + one.client!),
    ...backlogClaim(results),
    ...ageingClaims(results),
  ]
}

/** The slowest point of the curve against its beginning. The first thousand are too few to be a measure. */
function backlogClaim(results: Results): Claim[] {
  const points = [...results].flatMap(([name, samples]) => {
    const backlog = Number(BACKLOG.exec(name)?.[1]?.replaceAll(',', ''))
    return backlog >= 10_000 ? [median(samples.get(OURS)!.map((one) => one.value))] : []
  })
  if (points.length < 2) return []
  const value = points[0]! / Math.min(...points)
  return [
    {
      claim: 'jobs/s with 10,000 waiting, against the slowest point of the curve after it',
      goal: 'at most 2 x',
      value: `${value.toFixed(2)} x`,
      holds: value <= 2,
    },
  ]
}

function ageingClaims(results: Results): Claim[] {
  const valueOf = (name: string): number | undefined => {
    const samples = results.get(name)?.get(OURS)
    return samples && median(samples.map((one) => one.value))
  }
  const usual = valueOf('run at constant depth')
  const held = valueOf('run at constant depth, an old snapshot held')
  const growth = [...results.keys()].find((name) => name.startsWith('hot table over'))
  return [
    ...(usual !== undefined && held !== undefined
      ? [
          {
            claim: 'jobs/s while an old snapshot is held, against the usual',
            goal: 'at least 0.6 x',
            value: `${(held / usual).toFixed(2)} x`,
            holds: held / usual >= 0.6,
          },
        ]
      : []),
    ...(growth
      ? [
          {
            claim: `${growth}: size with indexes`,
            goal: 'at most 1.5 x',
            value: `${valueOf(growth)!.toFixed(2)} x`,
            holds: valueOf(growth)! <= 1.5,
          },
        ]
      : []),
  ]
}

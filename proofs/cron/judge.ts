/** Every tick is accounted for: which ones never ran, and why some began twice. */
import type { Claim } from '../../scripts/claims/index.ts'
import type { Fault } from './chaos.ts'

export interface Run {
  cron: string
  fireAt: number
  pid: number
  line: number
  what: 'begin' | 'end'
  at: number
}

export interface Evidence {
  runs: readonly Run[]
  /** `<cron> <fire time>` of ticks that became more than one job. */
  twoJobs: readonly string[]
  crons: readonly string[]
  /** Every second from here on … */
  from: number
  /** … up to here, which is not included, should have one run of each cron. */
  to: number
  faults: readonly Fault[]
  /** Processes that said that they had lost a lease, without a fault of ours: the machine was too slow. */
  leasesLost: readonly { pid: number; at: number }[]
  leaseMs: number
  atLeast: number
}

export function judge(evidence: Evidence): Claim[] {
  const { crons, from, to, atLeast, twoJobs } = evidence
  const seconds = Math.floor((to - from) / 1000)
  const byTick = new Map<string, Run[]>()
  for (const run of evidence.runs) {
    const key = `${run.cron} ${run.fireAt}`
    byTick.set(key, [...(byTick.get(key) ?? []), run])
  }
  const wanted = crons.flatMap((cron) => Array.from({ length: seconds }, (_, s) => `${cron} ${from + s * 1000}`))
  const ended = (key: string): boolean => (byTick.get(key) ?? []).some(({ what }) => what === 'end')
  const never = wanted.filter((key) => !ended(key))
  const unasked = [...byTick.keys()].filter((key) => Number(key.split(' ')[1]) % 1000 !== 0)
  const unexplained = [...byTick.values()]
    .flatMap((runs) => secondBegins(runs))
    .filter((pair) => !explained(pair, evidence))
  const none = (claim: string, found: readonly unknown[]): Claim => ({
    claim: `${claim}${found.length > 0 ? ` (such as ${JSON.stringify(found[0])})` : ''}`,
    goal: 'none',
    value: String(found.length),
    holds: found.length === 0,
  })
  return [
    {
      claim: 'ticks that were judged',
      goal: `at least ${atLeast}`,
      value: String(wanted.length),
      holds: wanted.length >= atLeast,
    },
    none('ticks that never ran', never),
    none('ticks that became two jobs', twoJobs),
    none('runs at times that no schedule has', unasked),
    none('ticks that began twice although nothing was done to whoever ran them first', unexplained),
  ]
}

export function facts({ faults, runs, leasesLost }: Evidence): { what: string; count: number }[] {
  const kinds = ['killed', 'paused', 'cut'] as const
  const again = new Map<string, number>()
  for (const { cron, fireAt, what } of runs) {
    if (what === 'begin') again.set(`${cron} ${fireAt}`, (again.get(`${cron} ${fireAt}`) ?? 0) + 1)
  }
  return [
    ...kinds.map((kind) => ({
      what: `instances ${kind}`,
      count: faults.filter((fault) => fault.kind === kind).length,
    })),
    { what: 'leases lost', count: leasesLost.length },
    {
      what: 'ticks that began again, after a death or a pause',
      count: [...again.values()].filter((n) => n > 1).length,
    },
  ]
}

type Pair = [earlier: Run, later: Run]

function secondBegins(runs: readonly Run[]): Pair[] {
  const begins = runs.filter(({ what }) => what === 'begin').sort((a, b) => a.at - b.at)
  return begins.slice(1).map((later, i) => [begins[i]!, later])
}

/** Who ran it first was killed, stood still or could not reach the database at some time until it was run again. */
function explained([earlier, later]: Pair, { faults, leasesLost, leaseMs }: Evidence): boolean {
  const between = (from: number, to: number): boolean => from <= later.at && to >= earlier.at - leaseMs
  return (
    faults.some(({ pid, line, from, to }) => (pid === earlier.pid || line === earlier.line) && between(from, to)) ||
    // It says so when it runs again, which may be later.
    leasesLost.some(({ pid, at }) => pid === earlier.pid && at >= earlier.at)
  )
}

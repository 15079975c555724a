/** What happened, against what the queue promises. Pure: the evidence in, the claims out. */
import type { Claim, Row } from '../../scripts/claims/index.ts'
import type { Chaos } from './chaos.ts'
import type { Moment } from './crew.ts'

/** Times in ms since 1970: all processes and the database share the clock of one machine. */
export interface Run {
  job: string
  marker: string
  kind: string
  key: string | null
  pid: number
  began: number
  /** Null: the run never came to its end. */
  ended: number | null
  outcome: 'done' | 'failed' | null
}

export interface Evidence {
  /** What was committed or acknowledged. `job` is null for events. */
  promises: { marker: string; kind: string; job: string | null; notBefore: number | null }[]
  /** Markers of what was rolled back. */
  never: string[]
  runs: Run[]
  /** Jobs whose side effect is there. */
  effects: string[]
  /** What the queue calls done. */
  finished: { job: string; name: string; marker: string; at: number; failedAt: number[] }[]
  /** Jobs that are neither done nor dead, and events that were not handed on. */
  unfinished: number
  /** Dead letters, without those that were set aside because five of their workers died; these were retried. */
  dead: number
  chaos: Chaos
  leasesLost: readonly Moment[]
  leaseMs: number
  limit: number
  subscribers: readonly string[]
  /** Names of jobs that run there. */
  onRedis: readonly string[]
  /** What has to be reached, at least. */
  atLeast: { jobs: number; kills: number }
}

export function judge(evidence: Evidence): Claim[] {
  const { committed, lost } = lostJobs(evidence)
  const { atLeast, chaos } = evidence
  const kills = chaos.workers.length + chaos.producers.length + chaos.outages.length + chaos.redis.length
  const again = repeats(evidence)
  const events = deliveries(evidence)
  const none = (claim: string, value: number): Claim => ({ claim, goal: 0, value, holds: value === 0 })
  return [
    {
      claim: 'jobs that were committed',
      goal: `at least ${atLeast.jobs}`,
      value: committed,
      holds: committed >= atLeast.jobs,
    },
    {
      claim: 'processes that were killed with kill -9',
      goal: `at least ${atLeast.kills}`,
      value: kills,
      holds: kills >= atLeast.kills,
    },
    none('committed jobs that did not run to their end (lost)', lost),
    none('jobs of rolled-back transactions that ran', ranAlthoughRolledBack(evidence)),
    none('jobs still unfinished at the end (stuck)', evidence.unfinished),
    none('dead letters', evidence.dead),
    none('jobs that ran again after they had finished', afterTheEnd(evidence).length),
    none('second runs without a death, a lost lease or a failure before them', again.unexplained.length),
    none('delayed jobs that began early', beganEarly(evidence)),
    none(`moments with more than ${evidence.limit} runs of one concurrency key`, crowded(evidence)),
    none('events that a subscriber did not get', events.missing),
    none('events that became more than one job for a subscriber', events.doubled),
  ]
}

export function facts(evidence: Evidence): Row[] {
  const { chaos, runs, promises } = evidence
  const again = repeats(evidence)
  const kinds = Map.groupBy(promises, (one) => one.kind)
  return [
    ...[...kinds]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([kind, of]) => ({ what: `promised: ${kind}`, count: of.length })),
    { what: 'transactions rolled back on purpose', count: evidence.never.length },
    { what: 'runs', count: runs.length },
    { what: 'second runs after a planned failure', count: again.failure },
    { what: 'second runs after another failure (time-out, lost connection)', count: again.error },
    { what: 'second runs after a worker was killed', count: again.killed },
    { what: 'second runs after a lease was lost', count: again.leaseLost },
    { what: 'second runs after a server was killed', count: again.outage },
    { what: 'kill -9 of workers', count: chaos.workers.length },
    { what: 'kill -9 of producers', count: chaos.producers.length },
    { what: 'kill -9 of Postgres', count: chaos.outages.length },
    { what: 'kill -9 of Redis', count: chaos.redis.length },
    { what: 'workers paused past their lease', count: chaos.pauses.length },
  ]
}

/** What ran to its end on Redis. What it calls finished is noted as well as can be, and may be forgotten before. */
function endedOnRedis({ runs, onRedis }: Evidence): { job: string; name: string; marker: string }[] {
  const names = new Map(onRedis.map((name) => [name.split('.')[1], name]))
  return runs.flatMap(({ job, kind, marker, outcome }) =>
    outcome === 'done' && names.has(kind) ? [{ job, marker, name: names.get(kind)! }] : [],
  )
}

function lostJobs(evidence: Evidence): { committed: number; lost: number } {
  const { promises, effects, finished } = evidence
  const there = new Set(effects)
  const done = new Set([...finished, ...endedOnRedis(evidence)].map((one) => one.job))
  const jobs = new Set(promises.flatMap(({ job }) => job ?? []))
  return { committed: jobs.size, lost: [...jobs].filter((job) => !there.has(job) || !done.has(job)).length }
}

function ranAlthoughRolledBack({ never, runs }: Evidence): number {
  const forbidden = new Set(never)
  return new Set(runs.filter((run) => forbidden.has(run.marker)).map((run) => run.job)).size
}

/** The runs behind the claims that fail, for whoever has to find the reason. */
export function witnesses(evidence: Evidence): string[] {
  const { chaos, runs, finished } = evidence
  const jobs = new Set([...afterTheEnd(evidence), ...repeats(evidence).unexplained])
  return [...jobs].slice(0, 5).map((job) => {
    const story = [
      ...runs
        .filter((run) => run.job === job)
        .flatMap(({ began, ended, pid, kind, outcome }) => [
          { at: began, what: `${kind} begins in ${pid}` },
          ...(ended === null ? [] : [{ at: ended, what: `${outcome} in ${pid}` }]),
        ]),
      ...finished.filter((one) => one.job === job).map(({ at }) => ({ at, what: 'finished' })),
    ]
    const from = Math.min(...story.map(({ at }) => at)) - 5000
    const until = Math.max(...story.map(({ at }) => at))
    const around = [
      ...chaos.workers.map(({ at, pid }) => ({ at, what: `${pid} is killed` })),
      ...chaos.outages.map(({ from: at }) => ({ at, what: 'Postgres is killed' })),
      ...chaos.redis.map(({ from: at }) => ({ at, what: 'Redis is killed' })),
      ...chaos.pauses.flatMap(({ from: at, to, pid }) => [
        { at, what: `${pid} is paused` },
        { at: to, what: `${pid} goes on` },
      ]),
      ...evidence.leasesLost.map(({ at, pid }) => ({ at, what: `${pid} says that it lost its lease` })),
    ].filter(({ at }) => at >= from && at <= until)
    const lines = [...story, ...around].sort((a, b) => a.at - b.at)
    return `job ${job}: ${lines.map(({ at, what }) => `${(at - from).toFixed(1)} ms ${what}`).join(', ')}`
  })
}

/** Jobs. Left out is what no queue can prevent: a process that was stopped between its look at the lease and the first line
 *  of the handler goes on there when it moves again, whatever has happened meanwhile. */
function afterTheEnd(evidence: Evidence): string[] {
  const { runs, finished } = evidence
  const ends = new Map<string, number>()
  const again: string[] = []
  for (const { job, at } of finished) {
    if (ends.has(job)) again.push(job)
    ends.set(job, Math.min(at, ends.get(job) ?? Infinity))
  }
  for (const run of runs) {
    if (run.began > (ends.get(run.job) ?? Infinity) && !stoodStill(run, evidence)) again.push(run.job)
  }
  return [...new Set(again)]
}

/** Whether the run began when its process had just been asleep past its lease and did not know it yet. */
function stoodStill({ pid, began }: Run, { chaos, leasesLost }: Evidence): boolean {
  return (
    chaos.pauses.some((pause) => pause.pid === pid && began >= pause.from && began <= pause.to + WAKING_MS) ||
    leasesLost.some((loss) => loss.pid === pid && began <= loss.at && began >= loss.at - NOTICED_MS)
  )
}

const WAKING_MS = 500

interface Repeats {
  failure: number
  error: number
  killed: number
  leaseLost: number
  outage: number
  /** Jobs. */
  unexplained: string[]
}

/** Of each job, what came between one run and the next. */
function repeats(evidence: Evidence): Repeats {
  const { runs, finished, chaos, leasesLost } = evidence
  const why: Repeats = { failure: 0, error: 0, killed: 0, leaseLost: 0, outage: 0, unexplained: [] }
  const failures = new Map(finished.map(({ job, failedAt }) => [job, failedAt]))
  const between = (at: number, run: Run, next: Run): boolean => at >= run.began - KILL_MS && at <= next.began
  for (const of of Map.groupBy(runs, (run) => run.job).values()) {
    of.sort((a, b) => a.began - b.began)
    for (const [i, next] of of.slice(1).entries()) {
      const run = of[i]!
      const held = (one: { pid: number }): boolean => one.pid === run.pid
      if (run.outcome === 'failed') why.failure++
      else if (chaos.workers.some((kill) => held(kill) && between(kill.at, run, next))) why.killed++
      else if (chaos.pauses.some((pause) => held(pause) && pause.to >= run.began && pause.from <= next.began))
        why.leaseLost++
      else if (leasesLost.some((one) => held(one) && one.at >= run.began && one.at <= next.began + NOTICED_MS))
        why.leaseLost++
      else if (stoodStill(next, evidence)) why.leaseLost++
      else if ([...chaos.outages, ...chaos.redis].some(({ from, to }) => to >= run.began && from <= next.began))
        why.outage++
      else if (failures.get(run.job)?.some((at) => between(at, run, next))) why.error++
      else why.unexplained.push(run.job)
    }
  }
  return why
}

/** Between our look at the clock and the kill. */
const KILL_MS = 100

/** A worker that stood still learns of its loss only when it moves again. */
const NOTICED_MS = 10_000

function beganEarly({ promises, runs }: Evidence): number {
  const due = new Map(promises.flatMap(({ job, notBefore }) => (job && notBefore !== null ? [[job, notBefore]] : [])))
  return runs.filter((run) => run.began < (due.get(run.job) ?? -Infinity) - CLOCK_MS).length
}

/** A process tells the time in whole milliseconds. */
const CLOCK_MS = 1

/** Counts begins at which more than the limit ran. A run whose worker was killed ends there; one whose worker stood still,
 *  or could not reach the database, counts only as long as its lease was sure to last. */
function crowded(evidence: Evidence): number {
  const { runs, chaos, leasesLost, leaseMs, limit } = evidence
  const sure = leaseMs * (2 / 3)
  const end = (run: Run): number =>
    Math.min(
      run.ended ?? Infinity,
      ...chaos.workers.filter((kill) => kill.pid === run.pid).map((kill) => kill.at),
      ...chaos.pauses.filter((pause) => pause.pid === run.pid && pause.to > run.began).map(({ from }) => from + sure),
      ...chaos.outages.filter((outage) => outage.to > run.began).map(({ from }) => from + sure),
      ...leasesLost.filter(({ pid, at }) => pid === run.pid && at > run.began).map(({ at }) => at - NOTICED_MS),
      stoodStill(run, evidence) ? run.began : Infinity,
    )
  let crowds = 0
  const withKey = runs.filter((run) => run.kind === 'keyed')
  for (const of of Map.groupBy(withKey, (run) => run.key).values()) {
    const ends = of.map(end)
    for (const run of of) {
      const running = of.filter((other, i) => other.began <= run.began && ends[i]! > run.began)
      if (running.length > limit) crowds++
    }
  }
  return crowds
}

function deliveries(evidence: Evidence): { missing: number; doubled: number } {
  const { promises, finished, effects, subscribers } = evidence
  const there = new Set(effects)
  const jobs = Map.groupBy([...finished, ...endedOnRedis(evidence)], ({ name, marker }) => `${name} ${marker}`)
  let missing = 0
  let doubled = 0
  for (const { marker } of promises.filter((one) => one.kind === 'event')) {
    for (const subscriber of subscribers) {
      const of = jobs.get(`${subscriber} ${marker}`) ?? []
      if (!of.some(({ job }) => there.has(job))) missing++
      if (new Set(of.map(({ job }) => job)).size > 1) doubled++
    }
  }
  return { missing, doubled }
}

/** Samples become evidence: histograms are merged, counters subtracted, states averaged. */
import { type Buckets, LogLinear } from '../telemetry/index.ts'
import type { Asked, Configuration, Evidence, QueueEvidence, Slot, Traffic, Work } from './evidence.ts'
import { databaseOf } from './database.ts'
import { hostsOf } from './hosts.ts'
import { waitQuantile } from './loop.ts'
import type { StoredSamples } from './postgres/samples.ts'
import { processesOf } from './processes.ts'
import type { WorkSample } from './work.ts'

export interface Parts {
  app: string
  now: number
  minutes: number
  samples: StoredSamples
  texts: ReadonlyMap<string, string>
  days: Evidence['days']
  repeats: Evidence['repeats']
  changes: Evidence['changes']
  shifts: NonNullable<Evidence['shifts']>
  outcomes: NonNullable<Evidence['outcomes']>
}

export type Samples = StoredSamples['processes']

const MOST_WORKS = 40
const MOST_SECONDS = 3600
const MOST_ASKED = 25

export function assemble(parts: Parts): Evidence {
  const { app, now, minutes, texts } = parts
  const samples = aligned(parts.samples)
  const { processes, whole } = samples
  const slotMs = slotLength(processes)
  const from = processes[0]?.at ?? now - minutes * 60_000
  const to = Math.max(from, ...processes.map(({ at, sample }) => at + sample.seconds * 1000))
  const configuration = configurationOf(processes)
  const database = databaseOf(samples, { app, texts, cores: configuration.databaseOnSameHost ? coresOf(processes) : 0 })
  const traffic = trafficOf(processes, whole, (to - from) / 1000)
  const started = processes.map(({ sample }) => sample.startedAt).filter((at) => at > from)
  return {
    format: 'tenfold-evidence',
    version: 1,
    app,
    takenAt: now,
    window: { from, to, seconds: processes.length === 0 ? 0 : (to - from) / 1000, slotSeconds: slotMs / 1000 },
    configuration,
    coverage: {
      share: covered(processes, (to - from) / 1000),
      requests: traffic.requests,
      ...(started.length > 0 && { restartedAt: Math.max(...started) }),
      statements: whole.at(-1)?.sample.server.sees.statements ?? false,
      sessions: whole.at(-1)?.sample.server.sees.sessions ?? false,
      reset: whole.length > 1 && whole[0]!.sample.server.resetAt !== whole.at(-1)!.sample.server.resetAt,
    },
    traffic,
    routes: worksOf(processes.flatMap(({ sample }) => sample.work.requests)),
    jobs: worksOf(processes.flatMap(({ sample }) => sample.work.jobs)),
    queue: queueOf(samples),
    crons: cronsOf(processes),
    ...(database && { database }),
    processes: processesOf(processes),
    hosts: hostsOf(processes),
    caches: cachesOf(processes),
    asked: askedOf(processes),
    repeats: parts.repeats,
    days: parts.days,
    changes: parts.changes,
    shifts: parts.shifts,
    outcomes: parts.outcomes,
  }
}

/** Both sides over the same slots: the first sample of the server is what the others are subtracted from, so that the
 *  slots up to it do not count. */
function aligned({ processes, whole }: StoredSamples): StoredSamples {
  if (whole.length < 2) return { processes, whole }
  const [first, last] = [whole[0]!.at, whole.at(-1)!.at]
  return { whole, processes: processes.filter(({ at }) => at > first && at <= last) }
}

function slotLength(processes: Samples): number {
  const times = [...new Set(processes.map(({ at }) => at))].sort((a, b) => a - b)
  const steps = times.slice(1).map((at, i) => at - times[i]!)
  if (steps.length === 0) return Math.round((processes[0]?.sample.seconds ?? 10) * 1000)
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)]!
}

/** Of the process that was seen longest. */
function covered(processes: Samples, seconds: number): number {
  const sums = new Map<string, number>()
  for (const { source, sample } of processes) sums.set(source, (sums.get(source) ?? 0) + sample.seconds)
  return seconds <= 0 ? 0 : Math.min(1, Math.max(0, ...sums.values()) / seconds)
}

function configurationOf(processes: Samples): Configuration {
  const latest = processes.at(-1)?.sample.configuration
  // A process that takes no jobs may be set up for more of them than those that do.
  const worker = processes.findLast(({ sample }) => sample.roles.includes('worker'))?.sample.configuration
  const bySource = new Map(processes.map(({ source, sample }) => [source, sample]))
  const roles: Record<string, number> = {}
  for (const { roles: own } of bySource.values()) for (const role of own) roles[role] = (roles[role] ?? 0) + 1
  return {
    ...(latest ?? NOTHING_KNOWN),
    ...(worker && { workerConcurrency: worker.workerConcurrency }),
    roles,
    instances: [...bySource.values()].filter((sample) => sample.roles.includes('web')).length,
  }
}

const NOTHING_KNOWN: Omit<Configuration, 'roles' | 'instances'> = {
  stage: { number: 1, name: 'one machine' },
  promisedP95: 300,
  poolSize: 0,
  workerConcurrency: 0,
  databaseOnSameHost: false,
  replicas: 0,
  redis: false,
  pooler: false,
}

function coresOf(processes: Samples): number {
  return processes.at(-1)?.sample.machine.cores ?? 0
}

function merged(all: readonly Buckets[]): LogLinear {
  const sum = new LogLinear()
  for (const buckets of all) sum.merge(buckets)
  return sum
}

function trafficOf(processes: Samples, whole: StoredSamples['whole'], seconds: number): Traffic {
  const works = processes.flatMap(({ sample }) => sample.work.requests)
  const all = merged(works.map(({ durations }) => durations))
  const requests = works.reduce((sum, { count }) => sum + count, 0)
  const web = processes.filter(({ sample }) => sample.roles.includes('web'))
  const watchedMs = web.reduce((sum, { sample }) => sum + sample.seconds * 1000, 0)
  const depths = new Map(whole.map(({ at, sample }) => [at, sample.jobs.reduce((sum, job) => sum + job.waiting, 0)]))
  const slots = slotsOf(processes, depths)
  return {
    requests,
    errors: works.reduce((sum, { errors }) => sum + errors, 0),
    perSecond: requests / Math.max(0.001, seconds),
    peakPerSecond: Math.max(0, ...slots.map(({ at, requests: n }) => n / secondsOf(processes, at))),
    p50: all.quantile(0.5),
    p95: all.quantile(0.95),
    p99: all.quantile(0.99),
    unseenWaitP95: waitQuantile(merged(web.map(({ sample }) => sample.loop.late)), watchedMs, 0.95),
    shed: processes.reduce((sum, { sample }) => sum + sample.shed, 0),
    ...clientsOf(web),
    topClientShare: weighted(web.map(({ sample }) => [sample.work.topClientShare, requestsIn(sample.work.requests)])),
    slots,
    seconds: bySecond(processes),
  }
}

function requestsIn(works: readonly WorkSample[]): number {
  return works.reduce((sum, { count }) => sum + count, 0)
}

function clientsOf(web: Samples): Pick<Traffic, 'clients'> {
  const seen = web.flatMap(({ sample: { work } }) =>
    work.clients ? [{ n: work.clients[0], topTime: work.clients[1], weight: requestsIn(work.requests) }] : [],
  )
  if (seen.length === 0) return {}
  return {
    clients: {
      seen: Math.round(weighted(seen.map(({ n, weight }) => [n, weight]))),
      topTime: weighted(seen.map(({ topTime, weight }) => [topTime, weight])),
    },
  }
}

function weighted(pairs: readonly (readonly [value: number, weight: number])[]): number {
  const total = pairs.reduce((sum, [, weight]) => sum + weight, 0)
  return total === 0 ? 0 : pairs.reduce((sum, [value, weight]) => sum + value * weight, 0) / total
}

/** How long the samples of a slot are. */
function secondsOf(processes: Samples, slot: number): number {
  return Math.max(0.2, weighted(processes.flatMap(({ at, sample }) => (at === slot ? [[sample.seconds, 1]] : []))))
}

function slotsOf(processes: Samples, depths: ReadonlyMap<number, number>): Slot[] {
  const times = [...new Set(processes.map(({ at }) => at))].sort((a, b) => a - b)
  return times.map((time) => {
    const works = processes.filter(({ at }) => at === time).flatMap(({ sample }) => sample.work.requests)
    const depth = depths.get(time)
    return {
      at: time,
      requests: requestsIn(works),
      errors: works.reduce((sum, { errors }) => sum + errors, 0),
      p95: merged(works.map(({ durations }) => durations)).quantile(0.95),
      ...(depth !== undefined && { depth }),
    }
  })
}

function bySecond(processes: Samples): Traffic['seconds'] {
  const sums = new Map<number, [number, number, number]>()
  for (const { sample } of processes)
    for (const [second, n, ms, slow] of sample.work.seconds) {
      const known = sums.get(second) ?? [0, 0, 0]
      sums.set(second, [known[0] + n, known[1] + ms, known[2] + slow])
    }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .slice(-MOST_SECONDS)
    .map(([second, [n, ms, slow]]) => [second * 1000, n, ms, slow])
}

/** The same route in all slots and processes is one. */
function worksOf(samples: readonly WorkSample[]): Work[] {
  const byName = new Map<string, WorkSample[]>()
  for (const sample of samples) {
    const known = byName.get(sample.name)
    if (known) known.push(sample)
    else byName.set(sample.name, [sample])
  }
  return [...byName.values()]
    .map(workOf)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, MOST_WORKS)
}

function workOf(samples: readonly WorkSample[]): Work {
  const sum = (key: 'count' | 'errors' | 'ms' | 'self' | 'pool' | 'database' | 'outgoing' | 'calls' | 'rows'): number =>
    samples.reduce((total, sample) => total + sample[key], 0)
  const durations = merged(samples.map((sample) => sample.durations))
  return {
    name: samples[0]!.name,
    module: samples[0]!.module,
    count: sum('count'),
    errors: sum('errors'),
    ms: sum('ms'),
    p50: durations.quantile(0.5),
    p95: durations.quantile(0.95),
    self: sum('self'),
    pool: sum('pool'),
    database: sum('database'),
    outgoing: sum('outgoing'),
    calls: sum('calls'),
    rows: sum('rows'),
    hosts: hostsCalled(samples),
    queries: queriesOf(samples),
  }
}

function hostsCalled(samples: readonly WorkSample[]): Work['hosts'] {
  const sums = new Map<string, { host: string; count: number; ms: number }>()
  for (const { hosts } of samples)
    for (const [host, [count, ms]] of Object.entries(hosts)) {
      const known = sums.get(host) ?? { host, count: 0, ms: 0 }
      sums.set(host, { host, count: known.count + count, ms: known.ms + ms })
    }
  return [...sums.values()].sort((a, b) => b.ms - a.ms)
}

function queriesOf(samples: readonly WorkSample[]): Work['queries'] {
  const sums = new Map<string, Work['queries'][number]>()
  for (const { queries } of samples)
    for (const [query, [calls, ms, rows, repeated, mostInOne]] of Object.entries(queries)) {
      const known = sums.get(query) ?? { query, calls: 0, ms: 0, rows: 0, repeated: 0, mostInOne: 0 }
      known.calls += calls
      known.ms += ms
      known.rows += rows
      known.repeated += repeated
      known.mostInOne = Math.max(known.mostInOne, mostInOne)
      sums.set(query, known)
    }
  return [...sums.values()].sort((a, b) => b.ms - a.ms).slice(0, 8)
}

function queueOf({ processes, whole }: StoredSamples): QueueEvidence {
  const jobs = processes.flatMap(({ sample }) => sample.work.jobs)
  const finished = requestsIn(jobs)
  const depth = (at: number, key: 'waiting' | 'dead'): number =>
    whole.at(at)?.sample.jobs.reduce((sum, job) => sum + job[key], 0) ?? 0
  const [before, after] = [depth(0, 'waiting'), depth(-1, 'waiting')]
  const running = whole.map(({ sample }) => sample.jobs.reduce((sum, job) => sum + job.running, 0))
  return {
    arrived: Math.max(0, finished + after - before),
    finished,
    failed: jobs.reduce((sum, { errors }) => sum + errors, 0),
    busyMs: jobs.reduce((sum, { ms }) => sum + ms, 0),
    depthBefore: before,
    depthAfter: after,
    dead: Math.max(0, depth(-1, 'dead') - depth(0, 'dead')),
    oldestMs: Math.max(0, ...(whole.at(-1)?.sample.jobs.map(({ oldestMs }) => oldestMs) ?? [])),
    slots: whole.length,
    running: running.reduce((sum, n) => sum + n, 0) / Math.max(1, running.length),
    ...heldIn(whole.at(-1)),
  }
}

function heldIn(last: StoredSamples['whole'][number] | undefined): Pick<QueueEvidence, 'held'> {
  const all = (last?.sample.jobs ?? []).map(({ name, held = 0 }) => ({ name, held })).sort((a, b) => b.held - a.held)
  const jobs = all.reduce((sum, { held }) => sum + held, 0)
  return jobs === 0 ? {} : { held: { jobs, name: all[0]!.name } }
}

function cronsOf(processes: Samples): Evidence['crons'] {
  const runs = new Map<string, { at: number; ms: number }[]>()
  for (const { sample } of processes)
    for (const { name, at, ms } of sample.work.crons) {
      const known = runs.get(name)
      if (known) known.push({ at, ms })
      else runs.set(name, [{ at, ms }])
    }
  return [...runs].map(([name, all]) => ({ name, runs: all }))
}

function cachesOf(processes: Samples): Evidence['caches'] {
  const sums = new Map<string, Evidence['caches'][number]>()
  for (const { sample } of processes)
    for (const [name, [hits, misses, loads, evictions, loadMs = 0]] of Object.entries(sample.caches)) {
      const known = sums.get(name) ?? { name, hits: 0, misses: 0, loads: 0, evictions: 0, loadMs: 0 }
      known.hits += hits
      known.misses += misses
      known.loads += loads
      known.evictions += evictions
      known.loadMs = (known.loadMs ?? 0) + loadMs
      sums.set(name, known)
    }
  return [...sums.values()]
}

function askedOf(processes: Samples): NonNullable<Evidence['asked']> {
  const sums = new Map<string, Asked>()
  for (const { sample } of processes)
    for (const [query, [calls, again, top, beside, mostAtOnce]] of Object.entries(sample.heat ?? {})) {
      const known = sums.get(query) ?? { query, calls: 0, again: 0, top: 0, beside: 0, mostAtOnce: 0 }
      known.calls += calls
      known.again += again
      known.top += top
      known.beside += beside
      known.mostAtOnce = Math.max(known.mostAtOnce, mostAtOnce)
      sums.set(query, known)
    }
  return [...sums.values()].sort((a, b) => b.calls - a.calls).slice(0, MOST_ASKED)
}

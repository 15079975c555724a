/** How far away the first limit is, in load and in time. */
import type { Evidence } from '../evidence/index.ts'
import { growthOf } from './forecast.ts'
import { drains, LEAST_GREW, type Signals } from './signals.ts'
import type { Headroom, Limit } from './verdict.ts'

/** Utilisation at which the response time of M/M/c has doubled: with more servers, later (Erlang's C formula). */
const DOUBLED: readonly (readonly [servers: number, utilisation: number])[] = [
  [1, 0.5],
  [2, 0.71],
  [3, 0.79],
  [4, 0.84],
  [8, 0.91],
  [16, 0.95],
]
/** An event loop is one server; work comes to it in short pieces, and seven times the wait of an idle one is the most. */
const LOOP = 0.85
const POOL = 0.8
const LEAST_USED = 0.02

export function headroomOf(evidence: Evidence, signals: Signals): Headroom {
  const limits = limitsOf(evidence, signals).sort((a, b) => a.times - b.times)
  const { perSecond } = evidence.traffic
  const first = limits[0]
  const until = first && perSecond > 0 ? perSecond * first.times : undefined
  return { ...(until !== undefined && { until }), limits, growth: growthOf(evidence.days, until) }
}

function limitsOf(
  { traffic, processes, hosts, database, configuration, queue, window }: Evidence,
  signals: Signals,
): Limit[] {
  const limits: Limit[] = []
  const add = (resource: Limit['resource'], used: number, knee: number): void => {
    if (used >= LEAST_USED) limits.push({ resource, used, knee, times: knee / used })
  }
  const web = processes.filter(({ roles, requests }) => roles.includes('web') && requests > 0)
  // Where others take the processor, a loop seems busy that only waits for it: then its own time counts.
  const own = Math.max(0, ...web.map(({ loop, cpu }) => Math.min(loop, cpu)))
  add('event loop', signals.foreign.full ? own : signals.loop, LOOP)
  const host = hosts[0]
  if (database && configuration.databaseOnSameHost && host)
    add('database CPU', host.postgres / host.cores, kneeOf(host.cores))
  const pool = Math.max(0, ...processes.map(({ pool: one }) => one.used / Math.max(1, one.max)))
  add('connection pool', pool, POOL)
  const workers = (configuration.roles['worker'] ?? 0) * configuration.workerConcurrency
  // Who works off what came at once is busy whatever comes.
  if (workers > 0 && window.seconds > 0 && !(queue.depthAfter >= LEAST_GREW && drains(traffic.slots)))
    add('workers', queue.busyMs / (workers * window.seconds * 1000), kneeOf(workers))
  return limits
}

function kneeOf(servers: number): number {
  return DOUBLED.findLast(([c]) => c <= servers)?.[1] ?? 0.5
}

/** What a stand does under load: demands of each route alone, throughput, percentiles. */
import { fileURLToPath } from 'node:url'
import {
  runLoad,
  cpuSecondsOf,
  cpuSecondsOfFamily,
  type LoadResult,
  type Stage,
} from '../../packages/tenfold/src/load/index.ts'
import { LogLinear, middleOf } from '../../packages/tenfold/src/telemetry/index.ts'
import type { ClassDemand, Demands } from '../../packages/tenfold/src/plan/index.ts'
import type { Running, Stand } from './stand.ts'

export interface Mix {
  routes: Record<string, number>
  /** From 0 to 1: of the requests for what is cached. */
  hit?: number
}

export interface Outcome {
  /** Done a second. */
  throughput: number
  /** Seconds, from when they were due. */
  p95: number
  errors: number
  valid: boolean
  /** How many were measured. */
  count: number
}

/** Load for all instances at once, an equal share for each: what a balancer does. */
export async function load(
  urls: readonly string[],
  mix: Mix,
  stage: Stage,
  seed: number,
  warmUpMs = 1000,
): Promise<Outcome & { latency: LogLinear; due: number }> {
  process.env.MIX = JSON.stringify(Object.entries(mix.routes))
  process.env.HIT = String(mix.hit ?? 0)
  const share = (one: Stage): Stage => {
    const n = urls.length
    return 'users' in one ? { ...one, users: one.users / n } : { ...one, rate: one.rate / n }
  }
  const results = await Promise.all(
    urls.map((url, i) =>
      runLoad({
        url,
        file: fileURLToPath(new URL('./mix.scenario.ts', import.meta.url)),
        stages: [share(stage)],
        seed: seed + i,
        poisson: true,
        processes: 1,
        warmUpMs,
      }),
    ),
  )
  const latency = new LogLinear()
  for (const { steps } of results) for (const { buckets } of steps) latency.merge(buckets)
  const sum = (of: (result: LoadResult) => number): number => results.reduce((all, result) => all + of(result), 0)
  return {
    latency,
    due: sum(({ steps }) => steps[0]!.due),
    count: latency.count,
    throughput: sum(({ steps }) => steps[0]!.achieved),
    p95: latency.quantile(0.95) / 1000,
    errors: sum(({ total }) => Object.values(total.errors).reduce((all, n) => all + n, 0)),
    valid: results.every(({ valid }) => valid),
  }
}

const ROUNDS = 4

/** From here on a time is spread by itself, and not by what disturbed it. */
const SPREAD_CV2 = 0.3

/** What each route needs, alone, with one user who never thinks: nobody waits, and nothing falls asleep in between. CPU by the
 *  service demand law, utilisation by throughput. Of some rounds the quickest counts, since what disturbs only adds; of what
 *  is spread by itself all do, since the quickest of them would be the luckiest. */
export async function demandsOf(
  stand: Stand,
  running: Running,
  routes: readonly string[],
  ms: number,
): Promise<ClassDemand[]> {
  const demands: ClassDemand[] = []
  for (const route of routes) {
    const rounds: Alone[] = []
    for (let i = 0; i <= ROUNDS; i++) rounds.push(await aloneOf(stand, running, route, ms / ROUNDS, i))
    // The first one was for compilers and caches.
    const warm = rounds.slice(1)
    const best = warm.reduce((a, b) => (b.mean < a.mean ? b : a))
    demands.push(demandOf(route, best.cv2 > SPREAD_CV2 ? together(warm) : best))
  }
  return demands
}

/** Seconds of one request. */
interface Alone {
  latency: LogLinear
  count: number
  mean: number
  cv2: number
  app: number
  database: number
  /** With a connection. */
  held: number
}

async function aloneOf(stand: Stand, running: Running, route: string, ms: number, seed: number): Promise<Alone> {
  const cpu = (): { app: number; database: number } => ({
    app: running.pids.reduce((sum, pid) => sum + (cpuSecondsOf(pid) ?? 0), 0),
    database: cpuSecondsOfFamily(stand.database.pid) ?? 0,
  })
  await running.statements()
  const before = cpu()
  const { latency, due } = await load(running.urls, { routes: { [route]: 1 } }, { users: 1, for: ms }, seed, 0)
  const after = cpu()
  return {
    latency,
    count: due,
    ...momentsOf(latency),
    app: (after.app - before.app) / due,
    database: (after.database - before.database) / due,
    held: (await running.statements()).seconds,
  }
}

function together(rounds: readonly Alone[]): Alone {
  const latency = new LogLinear()
  for (const one of rounds) latency.merge(one.latency.buckets())
  const count = rounds.reduce((sum, one) => sum + one.count, 0)
  const mean = (of: 'app' | 'database' | 'held'): number =>
    rounds.reduce((sum, one) => sum + one[of] * one.count, 0) / count
  return {
    latency,
    count,
    ...momentsOf(latency),
    app: mean('app'),
    database: mean('database'),
    held: mean('held'),
  }
}

function demandOf(name: string, { mean, cv2, app, database, held }: Alone): ClassDemand {
  const asks = name !== 'GET /burn'
  const databaseCpu = asks ? Math.min(database, held) : 0
  return {
    name,
    kind: 'request',
    share: 1,
    appCpu: app,
    databaseCpu,
    databaseOther: asks ? held - databaseCpu : 0,
    queries: asks ? 1 : 0,
    reads: asks ? 1 : 0,
    // What is no statement and no CPU: the way there and back, and the timers of whoever asks.
    outside: Math.max(0, mean - app - (asks ? held : 0)),
    cv2,
  }
}

function momentsOf(latency: LogLinear): { mean: number; cv2: number } {
  const { first, counts } = latency.buckets()
  const values = counts.map((n, i) => ({ n, at: middleOf(first + i) / 1000 }))
  const mean = values.reduce((sum, { n, at }) => sum + n * at, 0) / latency.count
  const variance = values.reduce((sum, { n, at }) => sum + n * (at - mean) ** 2, 0) / latency.count
  return { mean, cv2: variance / (mean * mean) }
}

export function mixed(demands: readonly ClassDemand[], { routes }: Mix): Demands {
  const total = Object.values(routes).reduce((sum, share) => sum + share, 0)
  const classes = demands
    .filter(({ name }) => name in routes)
    .map((one) => ({ ...one, share: routes[one.name]! / total }))
  const uncertainty = { app: 1.1, database: 1.1 }
  return {
    version: 1,
    source: 'one route after the other',
    rate: 0,
    peakRate: 0,
    seconds: 0,
    classes,
    uncertainty,
    unknown: [],
  }
}

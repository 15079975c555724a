/** Load, as users make it.
 *
 *  Users do not wait for each other: they come when they come, whether the app is quick or not. So the generator sends by a
 *  timetable (an *open* model) and counts a latency from the moment at which the visitor was due, not from the one at which
 *  the generator got round to sending. A generator that waits for an answer before it asks again slows down together with
 *  the app and never sees what its users see: "coordinated omission" (Gil Tene, "How NOT to Measure Latency", 2013; open and
 *  closed models: Schroeder, Wierman, Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006).
 *
 *    run.ts ── a plan of stages ──> generate/fleet.ts ── one stage ──> generate/main.ts, several processes
 *                                                    <── tallies, one a second ──
 *    judge/   knee, scalability, thresholds, comparison: from results only, so that a file can be judged anywhere
 *
 *  L1  A visitor comes when the timetable says, whatever became of those before; the first latency counts from then.
 *  L2  Nothing is left out: what was not answered in time counts as its timeout, what found no room counts as an error.
 *  L3  How late the generator itself was is measured. Where that is more than a tenth of what was measured, the step is
 *      declared invalid.
 *  L4  Only this machine is loaded, unless somebody says in words that another one may be. */
import type { Duration } from '../kernel/index.ts'
import type { Buckets } from '../telemetry/index.ts'

/** The routes of an app with what they take and answer, as `tenfold load client` writes it. Without it anything goes. */
export type AnyRoutes = Record<string, { args: [options?: any]; reply: any }>

export interface RequestOptions {
  /** Where it goes, when that is not the route itself: `/orders/5`. It is counted under the route. */
  path?: string
  /** Put into the path: `{ id: 5 }` makes `/orders/5` of `/orders/:id`. */
  params?: Record<string, string | number>
  query?: Record<string, unknown>
  headers?: Record<string, string>
  /** An object is sent as JSON, text and bytes as they are. */
  body?: unknown
  /** Statuses of 400 and more that are no error here, such as a 404 that is asked for on purpose. */
  expect?: readonly number[]
}

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  json<T = any>(): T
}

/** One visitor: made for one run of a flow, with cookies of its own. */
export interface Visitor<Routes = AnyRoutes, Data = any> {
  /** Calls a route as the app's typed client does: resolves to the reply, throws when the answer is an error. */
  call<Route extends keyof Routes & string>(
    route: Route,
    ...args: Routes[Route] extends { args: infer Args extends unknown[] } ? Args : never
  ): Promise<Routes[Route] extends { reply: infer Reply } ? Reply : never>
  /** Sends a request: `GET /orders/:id`. Resolves to any answer; throws only when there is none. */
  request(route: string, options?: RequestOptions): Promise<Answer>
  /** Waits, as people do between two clicks. */
  pause(time: Duration): Promise<void>
  /** From 0 to below 1, from the seed of the run. */
  random(): number
  pick<T>(among: readonly T[]): T
  /** Counts visitors from 0, over all generator processes. */
  readonly number: number
  /** What `setup` gave. */
  readonly data: Data
}

export type Flow<Routes = AnyRoutes, Data = any> = (visitor: Visitor<Routes, Data>) => Promise<unknown>

/** What comes: so many visitors a second for some time (a step), or more and more (a ramp); or, closed, a fixed number of
 *  users who each come again at once. */
export type Stage =
  | { rate: number; for: Duration; to?: number }
  /** Hides what waiting users would see: for scalability, not for latency. */
  | { users: number; for: Duration }

/** A file of `load/`: plain data and functions, with `import type` only, so that k6 can run the same file.
 *  @example
 *  import type { Scenario } from 'tenfold/load'
 *  import type { Routes } from './client.d.ts'
 *  export default {
 *    name: 'browse',
 *    stages: [{ rate: 50, for: '30s' }, { rate: 50, to: 200, for: '2m' }],
 *    thresholds: { p95: 200, errors: 0.01 },
 *    flows: {
 *      browse: { weight: 9, run: async ({ call }) => { await call('GET /products', { query: { limit: 20 } }) } },
 *      sign: async ({ call }) => { await call('POST /entries', { body: { name: 'Ada' } }) },
 *    },
 *  } satisfies Scenario<Routes> */
export interface Scenario<Routes = AnyRoutes, Data = any> {
  name: string
  /** What a visitor does, one of these by weight. The weight defaults to 1. */
  flows: Record<string, Flow<Routes, Data> | { weight?: number; run: Flow<Routes, Data> }>
  /** Runs once in each generator process, before anything is measured; what it gives is `data`. */
  setup?(visitor: Visitor<Routes, undefined>): Promise<Data>
  /** Defaults to 10 visitors a second for 30 s. */
  stages?: readonly Stage[]
  /** `p95`, `p99`, `p50`, `max` in milliseconds, `errors` from 0 to 1: at most so much. Of one route: `'GET /orders p95'`. */
  thresholds?: Record<string, number>
  /** Headers of every request. */
  headers?: Record<string, string>
  /** How long somebody waits for an answer. Defaults to 10 s. */
  timeout?: Duration
}

/** Requests as data: what is made from an app's routes or from its recorded traffic, and what k6 gets written out. */
export interface PlainRequest {
  weight: number
  /** The name under which it is counted. */
  route: string
  path: string
}

/** Milliseconds. */
export interface Quantiles {
  count: number
  mean: number
  p50: number
  p90: number
  p95: number
  p99: number
  p999: number
  max: number
}

export interface NamedResult {
  count: number
  latency: Quantiles
  errors: Record<string, number>
}

/** One second of a step. */
export interface Second {
  /** From the start of the run, in seconds. */
  at: number
  due: number
  completed: number
  errors: number
  p50: number
  p95: number
  max: number
}

/** What one stage, or one piece of a ramp, came to. */
export interface StepResult {
  kind: 'open' | 'closed'
  round: number
  /** Visitors a second that were due; in a closed step those that came. */
  offered: number
  users?: number
  /** From the start of the run, in seconds. */
  from: number
  seconds: number
  startedAt: number
  /** Visitors that were due, those that were done without an error within the step, and those a second. */
  due: number
  completed: number
  achieved: number
  requests: number
  /** From when the visitor was due: answers that are no error, and timeouts as the time that was waited. */
  latency: Quantiles
  /** From when it was sent: what a generator that waits would have told. */
  service: Quantiles
  /** The same latencies as buckets, for comparison and merging. */
  buckets: Buckets
  errors: Record<string, number>
  routes: Record<string, NamedResult>
  /** How many visitors were under way, on average (Little's law needs it). */
  inFlight: number
  /** How late the generator was, and how busy: 1 is a whole core. */
  generator: { lag: Quantiles; utilization: number; cpuSeconds: number; noRoom: number }
  series: Second[]
  /** Why this step says nothing about the app; empty when it does. */
  invalid: string[]
  felt?: Felt
}

/** What the app and its database did meanwhile, as far as that could be seen. */
export interface Felt {
  /** In cores, all processes of the app together; undefined when nobody reported. */
  appCpu?: number
  processes?: number
  /** Of the busiest process, 0 to 1. */
  eventLoop?: number
  memoryBytes?: number
  queriesPerRequest?: number
  /** Milliseconds in the database for each request, as the app sees it. */
  databaseMs?: number
  /** Sessions that were executing something, on average, and those that waited for a lock. */
  activeSessions?: number
  lockedSessions?: number
  connections?: number
  /** CPU of the database's processes in cores, where they run on this machine. */
  databaseCpu?: number
  /** All cores of this machine that were busy, whoever it was. */
  machineCpu?: number
}

export interface LoadResult {
  version: 1
  id: string
  scenario: string
  url: string
  startedAt: number
  endedAt: number
  seed: number
  processes: number
  machine: { cores: number; model: string; node: string; withTarget: boolean }
  /** The release of the app, where it is known. */
  release?: string
  steps: StepResult[]
  total: {
    latency: Quantiles
    service: Quantiles
    requests: number
    errors: Record<string, number>
    errorShare: number
  }
  valid: boolean
  invalid: string[]
  thresholds: { name: string; most: number; value: number; holds: boolean }[]
  /** What was not tried and why, in words. */
  notes: string[]
}

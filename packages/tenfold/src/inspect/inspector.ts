import type { SystemDatabase } from '../database/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import { LogLinear } from '../telemetry/index.ts'
import type * as api from './api.ts'
import { readCaches, type CachesView } from './caches.ts'
import { InspectNotBound } from './errors.ts'
import { type HeatView, readHeat } from './heat.ts'
import { readLimits, type LimitsView } from './limits.ts'
import { readFindings } from './postgres/findings.ts'
import { readLogs } from './postgres/logs.ts'
import { type Operation, operationsByName, operationsByTime, type Span, spanOf } from './postgres/operations.ts'
import { readDatabaseFacts, readOwnCost, readProcesses, readRuntime } from './postgres/processes.ts'
import { readTrace, readTraces } from './postgres/traces.ts'
import type {
  AppFacts,
  CronSource,
  JobFilter,
  JobSource,
  LogFilter,
  MailSource,
  TraceFilter,
  Window,
} from './sources.ts'
import type { Store } from './store.ts'

export interface InspectorOptions extends AppFacts {
  db: SystemDatabase
  /** Its flushes are what `onData` tells of. */
  store?: Store
  jobs?: JobSource
  crons?: CronSource
  mails?: MailSource
  /** Asked with each overview: it should know without looking. */
  backup?: () => Promise<api.BackupState>
  clock?: Clock
}

/** Answers everything that `api.ts` describes. */
export interface Inspector {
  overview(window: Window): Promise<api.Overview>
  /** The costliest in total first. */
  routes(window: Window): Promise<api.RouteStats[]>
  /** How many requests took how long over time, of one route or of all. */
  heat(asked: Window & { name?: string }): Promise<HeatView>
  /** Between modules; the costliest in total first. */
  calls(window: Window): Promise<api.CallStats[]>
  traces(filter: TraceFilter): Promise<api.TraceSummary[]>
  trace(traceId: string): Promise<api.TraceDetail | undefined>
  /** The costliest in total first. */
  queries(window: Window): Promise<api.QueryStats[]>
  caches(window: Window): Promise<CachesView>
  /** Rate limits. */
  limits(window: Window): Promise<LimitsView>
  /** The newest first. */
  findings(window: Window): Promise<api.FindingRow[]>
  logs(filter: LogFilter): Promise<api.LogRow[]>
  processes(): Promise<api.ProcessRow[]>
  jobs(filter: JobFilter): Promise<api.JobRow[]>
  jobSummary(): Promise<api.JobSummary[]>
  job(id: string): Promise<api.JobDetail | undefined>
  /** False when there is no such job, or it is in no state for that. */
  retryJob(id: string): Promise<boolean>
  discardJob(id: string): Promise<boolean>
  cancelJob(id: string): Promise<boolean>
  /** All jobs of a name, in all processes, until they are resumed. */
  pauseJobs(name: string): Promise<boolean>
  resumeJobs(name: string): Promise<boolean>
  crons(): Promise<api.CronRow[]>
  runCron(name: string): Promise<{ jobId: string } | undefined>
  mails(): Promise<api.MailRow[]>
  mail(id: string): Promise<api.MailDetail | undefined>
  /** Calls back whenever new data was stored; returns how to stop that. */
  onData(listener: () => void): () => void
}

const TEN_SECONDS = 10_000
const MINUTE = 60_000
const MOST_MINUTES = 60 * 24 * 60
/** As far back as rows by the minute go. */
const MOST_OVERVIEW_MINUTES = 14 * 24 * 60
const MOST_ROWS = 500
/** Up to here the overview has a point for each ten seconds, beyond it one for each minute. */
const FINE_SERIES_MINUTES = 360

export function createInspector(options: InspectorOptions): Inspector {
  const { db, store, jobs, crons, mails, clock = systemClock } = options
  const bounded = ({ minutes }: Window): Window => ({ minutes: Math.min(Math.max(minutes, 1), MOST_MINUTES) })
  const window = (asked: Window): Span => spanOf(bounded(asked).minutes, clock.now())
  const most = (limit: number): number => Math.min(Math.max(Math.trunc(limit), 1), MOST_ROWS)

  return {
    overview: (asked) => overview(options, Math.min(Math.max(asked.minutes, 1), MOST_OVERVIEW_MINUTES), clock.now()),
    routes: async (asked) => (await operationsByName(db, 'request', window(asked), MOST_ROWS)).map(routeStats),
    heat: (asked) => readHeat(db, bounded(asked), asked.name, clock.now()),
    calls: async (asked) => (await operationsByName(db, 'call', window(asked), MOST_ROWS)).map(callStats),
    queries: (asked) => queryStats(db, window(asked)),
    traces: (filter) => readTraces(db, { ...filter, limit: most(filter.limit) }),
    async trace(traceId) {
      const logs = await readLogs(db, { trace: traceId, limit: MOST_ROWS })
      return readTrace(db, traceId, logs.reverse())
    },
    caches: (asked) => readCaches(db, bounded(asked), clock.now()),
    limits: (asked) => readLimits(db, bounded(asked), clock.now()),
    findings: (asked) => findings(db, window(asked)),
    logs: (filter) => readLogs(db, { ...filter, limit: most(filter.limit) }),
    processes: () => readProcesses(db),

    jobs: async (filter) => jobs?.list({ ...filter, limit: most(filter.limit) }) ?? [],
    jobSummary: async () => jobs?.summary() ?? [],
    job: async (id) => jobs?.get(id),
    retryJob: async (id) => bound(jobs, 'jobs').retry(id),
    discardJob: async (id) => bound(jobs, 'jobs').discard(id),
    cancelJob: async (id) => bound(jobs, 'jobs').cancel(id, 'Cancelled in the console.'),
    pauseJobs: async (name) =>
      bound(jobs, 'jobs')
        .pause(name, 'Paused in the console.')
        .then(() => true),
    resumeJobs: async (name) => bound(jobs, 'jobs').resume(name),
    crons: async () => crons?.list() ?? [],
    runCron: async (name) => bound(crons, 'crons').run(name),
    mails: async () => mails?.list() ?? [],
    mail: async (id) => mails?.get(id),
    onData: (listener) => store?.onData(listener) ?? (() => {}),
  }
}

function bound<Source>(source: Source | undefined, part: string): Source {
  if (!source) throw InspectNotBound({ part })
  return source
}

async function overview(options: InspectorOptions, minutes: number, nowMs: number): Promise<api.Overview> {
  const { db, app, version, env, startedAt } = options
  const fine = minutes <= FINE_SERIES_MINUTES
  const stepMs = fine ? TEN_SECONDS : MINUTE
  const whole = spanOf(minutes, nowMs)
  const cutMs = fine ? whole.fromMs : whole.cutMs
  const span = { ...whole, cutMs, hoursFromMs: cutMs }
  const [requests, runtime, processes, database, telemetry, jobs, backup] = await Promise.all([
    operationsByTime(db, 'request', span, stepMs),
    readRuntime(db, span, stepMs),
    readProcesses(db),
    readDatabaseFacts(db),
    readOwnCost(db),
    options.jobs?.summary() ?? [],
    options.backup?.(),
  ])
  const series = seriesOf(requests, runtime, stepMs)
  return {
    app,
    version,
    env,
    startedAt,
    stage: options.stage(),
    bindings: options.bindings(),
    processes,
    series,
    totals: totalsOf(requests, series[0] ? nowMs - series[0].time : 0),
    database,
    jobs: {
      waiting: jobs.reduce((sum, job) => sum + job.waiting, 0),
      running: jobs.reduce((sum, job) => sum + job.running, 0),
      dead: jobs.reduce((sum, job) => sum + job.dead, 0),
      oldestWaitingMs: Math.max(0, ...jobs.map((job) => job.oldestWaitingMs)),
    },
    telemetry,
    ...(backup && { backup }),
  }
}

/** From the first slot with anything in it to the last, without holes. */
function seriesOf(
  requests: readonly Operation[],
  runtime: Awaited<ReturnType<typeof readRuntime>>,
  stepMs: number,
): api.OverviewPoint[] {
  const byTime = new Map(requests.map((slot) => [slot.timeMs, slot]))
  const runtimeByTime = new Map(runtime.map((slot) => [slot.timeMs, slot]))
  const times = [...byTime.keys(), ...runtimeByTime.keys()].sort((a, b) => a - b)
  const series: api.OverviewPoint[] = []
  if (times.length === 0) return series
  for (let time = times[0]!; time <= times.at(-1)!; time += stepMs) {
    const slot = byTime.get(time)
    const { cpuPercent = 0, memoryBytes = 0, eventLoopUtilization = 0 } = runtimeByTime.get(time) ?? {}
    series.push({
      time,
      requests: slot?.count ?? 0,
      errors: slot?.errors ?? 0,
      ...percentiles(slot?.durations ?? new LogLinear()),
      cpuPercent,
      memoryBytes,
      eventLoopUtilization,
    })
  }
  return series
}

function totalsOf(slots: readonly Operation[], coveredMs: number): api.Overview['totals'] {
  const all = new LogLinear()
  for (const { durations } of slots) all.merge(durations.buckets(), durations)
  const requests = slots.reduce((sum, slot) => sum + slot.count, 0)
  return {
    requests,
    errors: slots.reduce((sum, slot) => sum + slot.errors, 0),
    ...percentiles(all),
    requestsPerSecond: requests / Math.max(1, coveredMs / 1000),
  }
}

function callStats({ name, module, count, errors, totalMs, durations }: Operation): api.CallStats {
  const meanMs = totalMs / Math.max(1, count)
  return { name, caller: module, calls: count, errors, meanMs, p95: durations.quantile(0.95) }
}

function routeStats({ name, module, count, errors, totalMs, inner, durations }: Operation): api.RouteStats {
  return {
    name,
    module,
    requests: count,
    errors,
    ...percentiles(durations),
    totalMs,
    queriesPerRequest: inner / Math.max(1, count),
  }
}

async function queryStats(db: SystemDatabase, span: Span): Promise<api.QueryStats[]> {
  const operations = await operationsByName(db, 'query', span, MOST_ROWS)
  const { rows } = await db.query<{ name: string; text: string }>(
    'select name, text from tenfold.telemetry_query_text where name = any($1::text[])',
    [operations.map(({ name }) => name)],
  )
  const texts = new Map(rows.map(({ name, text }) => [name, text]))
  return operations.map(({ name, module, count, totalMs, inner, durations }) => ({
    fingerprint: name,
    text: texts.get(name) ?? name,
    module,
    calls: count,
    totalMs,
    meanMs: totalMs / Math.max(1, count),
    p95: durations.quantile(0.95),
    rows: inner,
  }))
}

async function findings(db: SystemDatabase, span: Span): Promise<api.FindingRow[]> {
  const kinds = ['request', 'job', 'cron', 'event', 'task'] as const
  const counts = await Promise.all(kinds.map((kind) => operationsByName(db, kind, span, MOST_ROWS)))
  const known = new Map(counts.flatMap((all, i) => all.map(({ name, count }) => [`${kinds[i]} ${name}`, count])))
  return readFindings(db, span.fromMs, ({ origin }) => known.get(`${origin.kind} ${origin.name}`))
}

function percentiles(durations: LogLinear): { p50: number; p95: number; p99: number } {
  return { p50: durations.quantile(0.5), p95: durations.quantile(0.95), p99: durations.quantile(0.99) }
}

/** What the console, the CLI and other programs can ask of a running app: plain JSON over GET (and POST for actions),
 *  under `/api/`. Times are milliseconds since 1970 unless a name says otherwise; durations are in milliseconds.
 *
 *    GET  /api/overview?minutes=60           Overview
 *    GET  /api/routes?minutes=60             RouteStats[]
 *    GET  /api/heat?minutes=60&name=         HeatView          of heat.ts
 *    GET  /api/traces?kind=&name=&min=&error=&before=&limit=   TraceSummary[]  (newest first; `before` pages back)
 *    GET  /api/traces/:traceId               TraceDetail
 *    GET  /api/queries?minutes=60            QueryStats[]
 *    GET  /api/caches?minutes=60             CachesView        of caches.ts
 *    GET  /api/limits?minutes=60             LimitsView        of limits.ts
 *    GET  /api/findings?minutes=1440         FindingRow[]
 *    GET  /api/jobs?state=&name=&search=&before=&limit=        JobRow[]
 *    GET  /api/jobs/summary                  JobSummary[]
 *    GET  /api/jobs/:id                      JobDetail
 *    POST /api/jobs/:id/retry | discard | cancel               { done: boolean }
 *    POST /api/jobs/:name/pause | resume     { done: boolean }   all jobs of this name
 *    GET  /api/crons                         CronRow[]
 *    POST /api/crons/:name/run               { jobId: string }
 *    GET  /api/logs?level=&search=&trace=&before=&limit=        LogRow[]
 *    GET  /api/advice                        AdviceView | null     of advisor/view.ts
 *    GET  /api/mails                         MailRow[]     development only: what the local mail server received
 *    GET  /api/mails/:id                     MailDetail
 *    GET  /api/events                        server-sent events: `data: {"type":"tick"}` whenever new data was stored */

export interface Overview {
  app: string
  version: string
  env: 'development' | 'production' | 'test'
  /** The stage of the ladder that this configuration is. */
  stage: { number: 1 | 2 | 3 | 4 | 5 | 6; name: string }
  startedAt: number
  /** What is bound to what: shown as a list. `embedded` parts are replaced by setting `variable`. */
  bindings: { part: string; bound: string; embedded: boolean; variable?: string }[]
  processes: ProcessRow[]
  /** One point per 10 s, oldest first. */
  series: OverviewPoint[]
  totals: { requests: number; errors: number; p50: number; p95: number; p99: number; requestsPerSecond: number }
  database: { version: string; sizeBytes: number; connections: number; maxConnections: number; cacheHitRatio: number }
  jobs: { waiting: number; running: number; dead: number; oldestWaitingMs: number }
  /** What telemetry itself costs and has dropped. `share` is of the time of all statements that the server has counted: 0 to 1, and
   *  unknown without `pg_stat_statements`. */
  telemetry: { storedRows: number; droppedTraces: number; flushMs: number; storeBytes: number; share?: number }
  /** Absent where no backups are scheduled. */
  backup?: BackupState
}

/** Times in ISO 8601. */
export interface BackupState {
  last?: { id: string; finishedAt: string; size: number }
  /** The last attempt, if it failed after the last backup. */
  failed?: { at: string; message: string }
  /** There should be a newer one. */
  missed: boolean
  /** How far the archived log goes: up to there any moment can be restored. */
  log?: { at: string }
}

export interface ProcessRow {
  instanceId: string
  roles: string[]
  pid: number
  host: string
  startedAt: number
  seenAt: number
  cpuPercent: number
  memoryBytes: number
  eventLoopUtilization: number
  eventLoopDelayP99: number
}

export interface OverviewPoint {
  time: number
  requests: number
  errors: number
  p50: number
  p95: number
  p99: number
  cpuPercent: number
  memoryBytes: number
  eventLoopUtilization: number
}

export interface RouteStats {
  name: string
  module: string
  requests: number
  errors: number
  p50: number
  p95: number
  p99: number
  /** Requests times mean duration: what users actually wait for. */
  totalMs: number
  queriesPerRequest: number
}

/** Calls of one method of a contract by one module. */
export interface CallStats {
  /** `billing.charge` */
  name: string
  caller: string
  calls: number
  errors: number
  meanMs: number
  p95: number
}

export interface QueryStats {
  fingerprint: string
  text: string
  module: string
  calls: number
  totalMs: number
  meanMs: number
  p95: number
  rows: number
}

export interface TraceSummary {
  traceId: string
  kind: string
  name: string
  module?: string
  startedAt: number
  durationMs: number
  status?: number
  error?: string
  userId?: string
  spans: number
  queries: number
}

export interface TraceDetail extends TraceSummary {
  droppedSpans: number
  /** What was noticed while it ran. */
  findings: TraceFinding[]
  tree: {
    spanId: string
    parentId?: string
    kind: string
    name: string
    module?: string
    /** From the start of the trace. */
    offsetMs: number
    durationMs: number
    error?: string
    attributes: Record<string, string | number | boolean>
  }[]
  logs: LogRow[]
}

/** Something to put right, in words. */
export interface TraceFinding {
  code: 'n-plus-one' | 'repeat-read' | 'slow-call'
  origin: { kind: string; name: string }
  module: string
  title: string
  says: string
  fix: string
  /** The statement, without its values, the called method, or the outgoing call. */
  query: string
  times: number
  /** `modules/orders/list.ts:12`; absent where no line of the app's own was found. */
  callSite?: string
  function?: string
  /** What a slow call cost the request in which it was seen last. */
  waited?: { host: string; ms: number; share: number }
  /** Where the keys of an N+1 came from. */
  source?: { kind: 'query' | 'call' | 'input'; query: string; column: string }
}

/** The same finding over all requests, jobs … in which it was seen. */
export interface FindingRow extends TraceFinding {
  id: string
  firstSeen: number
  lastSeen: number
  /** In so many requests, jobs … */
  contexts: number
  /** Of all of that name, from 0 to 1; absent where that is not known. */
  share?: number
  meanRepeats: number
}

export interface JobSummary {
  name: string
  /** Held back until it is resumed. */
  paused?: boolean
  waiting: number
  delayed: number
  running: number
  dead: number
  doneLastHour: number
  failedLastHour: number
  oldestWaitingMs: number
  meanRunMs: number
}

export interface JobRow {
  id: string
  name: string
  state: 'waiting' | 'delayed' | 'blocked' | 'running' | 'done' | 'dead' | 'cancelled'
  priority: number
  attempt: number
  maxAttempts: number
  createdAt: number
  runAt: number
  finishedAt?: number
  durationMs?: number
  progress?: number
  error?: string
  /** So many events share this row. */
  events?: number
}

export interface JobDetail extends JobRow {
  payload: unknown
  result?: unknown
  uniqueKey?: string
  concurrencyKey?: string
  tenant?: string
  /** Ids of the jobs that it comes after. */
  after?: string[]
  steps?: { name: string; finishedAt: number; result?: unknown }[]
  traceId?: string
  /** An event that shares a row with others: the id of that row. */
  sharedRow?: string
  errors: { attempt: number; at: number; message: string }[]
}

export interface CronRow {
  name: string
  schedule: string
  timeZone: string
  /** In words, such as "at minute 0 of every hour". */
  description: string
  nextAt: number | null
  runs: {
    fireAt: number
    startedAt?: number
    durationMs?: number
    state: 'waiting' | 'running' | 'done' | 'dead' | 'cancelled' | 'skipped'
    instanceId?: string
    jobId: string
  }[]
}

export interface LogRow {
  id: string
  time: number
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  message: string
  traceId?: string
  instanceId: string
  fields: Record<string, unknown>
}

export interface MailRow {
  id: string
  time: number
  from: string
  to: string[]
  subject: string
}

export interface MailDetail extends MailRow {
  text: string
  html?: string
  attachments: { filename: string; contentType: string; sizeBytes: number }[]
}

/** Answered with any status of 400 or more. */
export interface ApiError {
  code: string
  message: string
  fix: string
}

/** What the app is made of, and how it is set; without secrets. */
export interface ModulesView {
  modules: {
    name: string
    /** Whether this process answers its routes and does its jobs. */
    served: boolean
    /** Modules whose contracts it calls. */
    uses: string[]
    /** Modules to whose events it subscribes. */
    listensTo: string[]
    routes: string[]
    jobs: string[]
    crons: string[]
    events: string[]
    caches: string[]
    metrics: string[]
  }[]
  roles: string[]
  /** Of the platform; without a value when not set. */
  variables: { name: string; value: string | undefined }[]
  /** tenfold.config.ts */
  config: Record<string, unknown>
}

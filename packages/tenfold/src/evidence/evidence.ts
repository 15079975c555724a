/** What a verdict is made of: numbers of the recent past, from all processes, the database and the machines, as one JSON
 *  value that can be kept, mailed, and judged anywhere.
 *
 *  E1  It holds no secret and nothing personal: routes are templates, statements have no values, machines have no names.
 *  E2  Gathering it takes nothing from requests but the adding up of spans that were recorded anyway.
 *  E3  Server and clients are measured over the same slots of time, so that their times can be divided by each other.
 *  E4  What could not be seen is said in `coverage`, and never counted as zero.
 *  E5  `version` grows when a field changes its meaning or goes; fields may be added without that.
 *
 *  Durations are milliseconds, times are milliseconds since 1970, shares are from 0 to 1, and totals are over the window. */
export interface Evidence {
  format: 'tenfold-evidence'
  version: 1
  app: string
  takenAt: number
  window: { from: number; to: number; seconds: number; slotSeconds: number }
  configuration: Configuration
  coverage: Coverage
  traffic: Traffic
  /** Of requests, the costliest in total first; at most 40. */
  routes: Work[]
  /** Of jobs, in the same way. */
  jobs: Work[]
  queue: QueueEvidence
  crons: { name: string; runs: { at: number; ms: number }[] }[]
  /** Absent when no sample of the database was taken in the window. */
  database?: DatabaseEvidence
  processes: ProcessEvidence[]
  hosts: HostEvidence[]
  /** `loadMs`: spent in loading what was not there. */
  caches: { name: string; hits: number; misses: number; loads: number; evictions: number; loadMs?: number }[]
  /** Statements that read, and whether they ask for the same again and again; most calls first. */
  asked?: Asked[]
  /** Places in the code that repeat queries, as the console lists them. */
  repeats: { code: string; origin: string; query: string; place?: string; times: number; share?: number }[]
  /** The past by days, oldest first: what growth is judged by. */
  days: { day: string; peakPerSecond: number; requests: number; p95: number }[]
  changes: { at: number; what: 'release' | 'migration'; name: string }[]
  /** What became slower in the last two days, to stay. */
  shifts?: Shift[]
  /** What came of the advice of the last two weeks, newest first: a rule that was wrong here is believed less. */
  outcomes?: PastAdvice[]
}

/** What was predicted of a step, and what was measured once its cause was gone. Codes and units are the advisor's. */
export interface PastAdvice {
  code: string
  subject: { kind: string; name: string }
  predicted: { what: string; of?: string; before: number; low: number; high: number }
  measured: number
  cameTrue: boolean
}

export interface Asked {
  query: string
  calls: number
  /** Calls for what had been asked in the same slot before. */
  again: number
  /** Calls for what was asked for most. */
  top: number
  /** Calls that began while another for the very same was still running, and most of the same at once. */
  beside: number
  mostAtOnce: number
}

export interface Shift {
  kind: 'request' | 'query' | 'job'
  name: string
  /** The first slow hour. */
  at: number
  /** Mean at this time of day, as it was and as it is. */
  before: number
  after: number
  /** How many times the usual spread that is. */
  score: number
  /** The release and the migration that came with it, where there were any. */
  with: { what: 'release' | 'migration'; name: string; at: number }[]
}

export interface Configuration {
  stage: { number: number; name: string }
  /** The p95 that users are promised. */
  promisedP95: number
  roles: Record<string, number>
  instances: number
  /** Connections of one process. */
  poolSize: number
  workerConcurrency: number
  databaseOnSameHost: boolean
  replicas: number
  redis: boolean
  pooler: boolean
}

export interface Coverage {
  /** Share of the slots in the window that at least one process reported. */
  share: number
  requests: number
  /** A process started inside of the window. */
  restartedAt?: number
  /** Whether the server counts statements (`pg_stat_statements`), and lets us read them. */
  statements: boolean
  /** Whether the sessions of modules could be seen. */
  sessions: boolean
  /** The server's statistics were reset inside the window. */
  reset: boolean
}

export interface Slot {
  at: number
  requests: number
  errors: number
  p95: number
  depth?: number
}

export interface Traffic {
  requests: number
  errors: number
  perSecond: number
  /** Of the busiest slot. */
  peakPerSecond: number
  p50: number
  p95: number
  p99: number
  /** How long a request that arrived at a random moment waited before its first line ran: 95 of 100 waited less. */
  unseenWaitP95: number
  /** Turned away because there were too many. */
  shed: number
  /** Of all requests, the share that came from the client with most of them. */
  topClientShare: number
  /** How many clients there were in a slot, a signed-in user counting as one, and the share of all time that the busiest took. */
  clients?: { seen: number; topTime: number }
  slots: Slot[]
  /** By the second: [time, requests, milliseconds of all together, how many were slower than promised]. */
  seconds: [number, number, number, number][]
}

/** One route or one job: where its time went. `ms` = self + pool + database + outgoing. */
export interface Work {
  name: string
  module: string
  count: number
  errors: number
  ms: number
  p50: number
  p95: number
  /** Neither in a query nor in a call: our own code, and waiting for the event loop. */
  self: number
  /** Waiting for a connection. */
  pool: number
  database: number
  outgoing: number
  calls: number
  rows: number
  hosts: { host: string; count: number; ms: number }[]
  /** The statements that cost it most, at most 8. `repeated`: in how many of them it ran ten times or more. */
  queries: { query: string; calls: number; ms: number; rows: number; repeated: number; mostInOne: number }[]
}

export interface QueueEvidence {
  arrived: number
  finished: number
  failed: number
  busyMs: number
  depthBefore: number
  depthAfter: number
  dead: number
  oldestMs: number
  slots: number
  /** How many were being worked on at a time, on average, those included that never come to an end. */
  running?: number
  /** Of those that wait in the end, how many have a limit of their own (`concurrency`, `rate`), and the name with most of them;
   *  absent where there is none. */
  held?: { jobs: number; name: string }
}

export interface DatabaseEvidence {
  version: string
  cores?: number
  maxConnections: number
  connections: number
  /** Sessions of this app. */
  own: number
  sizeBytes: number
  /** What the modules saw and what the server spent on them, over the same time. */
  seen: { client: number; server: number; calls: number }
  /** How many sessions were in each state at once, on average over `samples` looks. */
  active: {
    samples: number
    cpu: number
    io: number
    lock: number
    latch: number
    commit: number
    idleInTransaction: number
  }
  /** Sessions of others than this app that were working, in any database of the server: how many at once, on average, and what
   *  they were seen at most: in another database only what it does and to which tables. A text that ends in `…` is the beginning of
   *  a longer one. Absent where sessions of others cannot be seen. */
  others?: { working: number; query: string }
  /** Who made others wait, most first. `holderState` as Postgres says it; `committing`: it waits for the log to be written. */
  blockers: { waiting: number; waitingQuery: string; holderQuery: string; holderState: string }[]
  longestTransactionMs: number
  opened: number
  deadlocks: number
  tempBytes: number
  readFromDisk: number
  /** Most server time first; at most 25. */
  queries: QueryEvidence[]
  tables: TableEvidence[]
  /** `behindBytes`: of the log, written and not yet replayed there. */
  replicas: { name: string; lagMs: number; behindBytes?: number }[]
  /** How long the shortest question takes there and back, in the quickest case of each slot. */
  roundTripMs?: number
  /** What the server spent on the platform's own statements, by what they are for. */
  platform?: { sessions: number; limits: number; cache: number; jobs: number; other: number }
  /** Transactions that ended, and bytes of the log. */
  commits?: number
  walBytes?: number
}

export interface QueryEvidence {
  query: string
  module: string
  calls: number
  ms: number
  rows: number
  blocks: number
  /** Sequential scans with a filter that its plan has; read for the costliest only. */
  scans?: { table: string; schema: string; columns: string[]; rows: number; pages: number }[]
}

export interface TableEvidence {
  name: string
  rows: number
  dead: number
  bytes: number
  scans: number
  rowsScanned: number
  writes: number
  /** Of the writes. */
  inserts?: number
  deletes?: number
}

export interface ProcessEvidence {
  roles: string[]
  host: string
  startedAt: number
  release: string
  /** Busy share of the event loop, 0 to 1. */
  loop: number
  /** Share of the time in which something ran for 50 ms and longer, and the longest of it. */
  stalled: number
  longestStall: number
  gc: number
  /** Cores in use. */
  cpu: number
  rssBytes: number
  heapBytes: number
  heapLimit: number
  /** Bytes by which the heap and its buffers grew in a second, after collections; absent when there were too few. */
  heapGrowth?: number
  /** The buffers, and by how much of that growth they are it. They lie outside of the heap: what limits them is the memory of the
   *  machine, or of the container. */
  externalBytes?: number
  externalGrowth?: number
  pool: { max: number; used: number; waiting: number; opened: number }
  requests: number
}

export interface HostEvidence {
  name: string
  cores: number
  /** Shares of all cores. */
  busy: number
  steal: number
  iowait: number
  /** Share of the time for which a cgroup held us back. */
  throttled: number
  /** Cores in use, by the app's processes, by Postgres, and by everybody else. */
  app: number
  postgres: number
  other: number
  memoryBytes: number
  memoryFree: number
  /** Share of the time in which something waited, over ten seconds; absent where the kernel does not tell. */
  pressure?: { cpu: number; io: number; memory: number }
  diskFree?: number
  diskFreeBytes?: number
  /** Bytes a second over all interfaces but the loopback, and the share of TCP segments that had to be sent again; absent where
   *  the kernel does not tell. */
  network?: { receivedBytes: number; sentBytes: number; sentAgain: number }
}

/** Planning: what an app would do on machines that it does not run on.
 *
 *  The model is a network of queues. A request has to be computed by an event loop (one server each), gets a connection out of
 *  a pool, and with it is worked on by a database (as many servers as cores) and waits there for what is no CPU; beside that it
 *  waits for others. How long each of these takes without waiting are its *demands*: utilisation by throughput, measured
 *  (the service demand law; Denning and Buzen, "The Operational Analysis of Queueing Network Models", ACM Computing Surveys
 *  1978). Waiting follows from them and from how much comes.
 *
 *    Demands (measured) + Topology + rate ──predict──> Prediction: throughput, percentiles, utilisation, what is full first
 *    Demands + Prices + goal ──search──> the cheapest topology          ──curve──> from 100 to ten million users
 *
 *  P1  A number that was not measured is named in `unknown`, and so is each assumption.
 *  P2  Beyond the capacity there is no percentile: it is Infinity, and the throughput is the capacity.
 *  P3  Cores are as fast as the measured ones, and twice as many do twice as much: a machine of another kind is another plan. */

/** What one kind of request or job needs. Seconds for one, without waiting. */
export interface ClassDemand {
  /** `GET /products/:id`, `orders.charge` */
  name: string
  kind: 'request' | 'job'
  /** For each request that comes: shares of requests add up to 1; of a job, how many come with one request. */
  share: number
  /** CPU of the app's process. */
  appCpu: number
  /** CPU of the database. */
  databaseCpu: number
  /** Time with a connection that is no CPU of the database: disk, locks, sleeping. */
  databaseOther: number
  /** How many statements: each is a way there and back. */
  queries: number
  /** From 0 to 1: of the database work, what plain reads are, which a replica or a cache may do. */
  reads: number
  /** Waiting for others: partners, timers. Nobody queues for it here. */
  outside: number
  /** Squared coefficient of variation of the whole, without waiting: 0 is always the same, 1 as spread as an exponential. */
  cv2: number
}

/** What one kind of statement needs. Routes and jobs have their statements within them: this says which of them it is. */
export interface QueryDemand {
  /** Without values. */
  query: string
  module: string
  /** Calls for each request that comes. */
  calls: number
  /** Seconds of one, as the app sees it. */
  seconds: number
  /** From 0 to 1: of all time in the database. */
  share: number
  /** It plainly reads: a replica or a cache may answer it. */
  reads: boolean
}

export interface Demands {
  version: 1
  /** Where it comes from, in words. */
  source: string
  /** Requests a second while it was measured, and in the busiest slot of time of it. */
  rate: number
  peakRate: number
  /** How long something was seen, in seconds. */
  seconds: number
  classes: ClassDemand[]
  /** Seconds of CPU, a second, that go on whether or not anybody asks: crons, polls, recording. None when it is not there. */
  background?: { appCpu: number; databaseCpu: number }
  /** The statements that take most, where they were seen one by one. */
  queries?: QueryDemand[]
  /** By which factor the CPU of the app and of the database may be off, to both sides (95 %). */
  uncertainty: { app: number; database: number }
  unknown: string[]
}

export interface Topology {
  name: string
  /** Of the ladder. */
  stage: 1 | 2 | 3 | 4 | 5 | 6
  /** Processes of the app in all, and the machines that they run on. With `together` the database runs on the one machine. */
  app: { instances: number; machines: number; cores: number }
  database: { cores: number; replicas: number }
  together: boolean
  /** Connections of each process. */
  pool: number
  /** Server connections of a pooler before the database; without one each process has its own. */
  pooler?: number
  /** From 0 to 1: of the reads, what a cache answers. */
  cacheHit: number
  /** Milliseconds from the app to the database and back. */
  networkMs: number
}

export interface Prediction {
  throughput: number
  /** What it does at the most. */
  capacity: number
  /** Seconds, of requests; Infinity past the capacity. */
  mean: number
  p50: number
  p95: number
  p99: number
  /** From 0 to 1 and above; the fullest first. */
  utilization: { of: Resource; value: number }[]
  /** Seconds that a request waits, by where. */
  waits: { loop: number; pool: number; database: number }
  /** Server connections that are open, at the most. */
  connections: number
}

export type Resource = 'event loop' | 'app cores' | 'database CPU' | 'replica CPU' | 'connection pool'

/** A queue hands each job to one worker at a time, and forgets none.
 *
 *  Q1   A job enqueued inside a transaction exists if and only if that transaction commits.
 *  Q2   `enqueue` without a transaction resolves after the commit: an acknowledged job survives every crash.
 *  Q3   Every job runs at least once; it runs again only if its worker died, lost its lease, or its run failed.
 *  Q4   Only the worker that holds the lease of the latest claim can finish, fail or return a job: (id, attempt) is the fence.
 *  Q5   A worker that dies loses its lease after `leaseMs`; its jobs are then ready for others. That costs them no attempt,
 *       but a job whose workers died five times is set aside as dead.
 *  Q6   A failed run is tried again after a random pause that doubles with each attempt; after `maxAttempts` the job is a
 *       dead letter, which stays until it is retried or discarded.
 *  Q7   A delayed job never starts before its time, by the clock of the database.
 *  Q8   Of the ready jobs the one with the highest priority goes first; among equals the one that was enqueued first.
 *  Q9   Of one name, a unique key is held by at most one unfinished job; enqueuing another gives the id of that one.
 *  Q10  At most `limit` jobs of one name and concurrency key run at a time, over all processes.
 *  Q11  A run past `timeoutMs` has its signal aborted and counts as failed.
 *  Q12  A worker takes only jobs that it has a handler for; all others stay as they are.
 *  Q13  A stopping worker claims nothing more, gives back what it had not begun, waits for what runs until its deadline,
 *       then aborts it and gives it back. That costs these jobs no attempt.
 *  Q14  One bad job in a busy moment fails its own call of `enqueue` and no other.
 *  Q15  Everything works without LISTEN, only later: polling finds within about a second what no message announced.
 *  Q16  An event published inside a transaction becomes exactly one job for each subscriber if and only if that commits.
 *
 *  Work is done at least once. Effects that must happen exactly once belong into one transaction with the job's own
 *  outcome, or need an idempotency key: `id` stays the same over all attempts. */
import type { Service } from '../kernel/index.ts'
import type { SqlTransaction } from '../database/index.ts'

export type JobId = string
export type EventId = string

export interface Backoff {
  /** The pause after the first failure is random between 0 and this; the upper end doubles with each attempt. In ms. Defaults to 1000. */
  baseMs: number
  /** The upper end grows no further. In ms. Defaults to one hour. */
  maxMs: number
}

export interface RetryOptions {
  /** Runs before the job is dead, the first one included. Defaults to 10; `1` never tries again. */
  maxAttempts?: number
  /** A run that takes longer is aborted and counts as failed. In ms. Defaults to 60000; `0` lets it run for ever. */
  timeoutMs?: number
  backoff?: Partial<Backoff>
}

export interface NewJob extends RetryOptions {
  /** `<module>.<name>`, permanent: jobs in the database carry it. */
  name: string
  /** Anything that JSON can carry. At most 256 kB as JSON, unless the queue was opened with another limit. */
  payload?: unknown
  /** Higher goes first. A whole number from -1000 to 1000. Defaults to 0. */
  priority?: number
  /** Not before this much later, in ms. */
  delay?: number
  /** Not before this time. A time that has passed means at once. */
  runAt?: Date
  /** While a job of this name with this key is unfinished, enqueuing another gives its id instead. */
  uniqueKey?: string
  /** At most `limit` jobs of this name with this key run at a time. */
  concurrency?: { key: string; limit: number }
  /** The W3C trace that the run continues. Defaults to the current one. */
  traceparent?: string
}

export interface NewEvent {
  /** `<module>.<name>`, permanent. */
  name: string
  payload?: unknown
}

/** What a handler gets. */
export interface RunningJob {
  readonly id: JobId
  readonly name: string
  readonly payload: unknown
  /** From 1. */
  readonly attempt: number
  /** A failure of this run makes the job a dead letter. */
  readonly lastAttempt: boolean
  /** Aborts at the timeout, at the end of a shutdown's patience, and when the lease was lost; `reason` says which. */
  readonly signal: AbortSignal
  readonly traceparent: string | undefined
  /** From 0 to 1. Written at most once a second. */
  progress(fraction: number): void
}

/** What it returns is kept as the result, if it is small (16 kB as JSON). */
export type JobHandler = (job: RunningJob) => Promise<unknown>

export interface WorkOptions {
  /** By job name. */
  handlers: ReadonlyMap<string, JobHandler>
  /** Jobs that run at a time in this process. Defaults to 10. */
  concurrency?: number
  /** How long a worker that no longer answers keeps its jobs. In ms. Defaults to 30000. */
  leaseMs?: number
  /** How long a shutdown waits for running jobs before it aborts them. In ms. Defaults to 25000. */
  stopTimeoutMs?: number
}

/** A job that an event becomes. Its payload is an {@link EventDelivery}. */
export interface Subscriber extends RetryOptions {
  job: string
}

/** What the job of a subscriber carries. `eventId` is the same for all subscribers and all attempts. */
export interface EventDelivery {
  eventId: EventId
  event: string
  /** In ms since 1970. */
  publishedAt: number
  payload: unknown
}

export interface RelayOptions {
  /** By event name, of the whole app: whoever relays an event decides for all its subscribers. */
  subscriptions: ReadonlyMap<string, readonly (string | Subscriber)[]>
}

export type JobState = 'waiting' | 'delayed' | 'running' | 'done' | 'dead'

export interface JobFilter {
  state?: JobState
  name?: string
  ids?: readonly JobId[]
  /** Only jobs with a lower id than this one: pages backwards, newest first. */
  before?: JobId
  /** Defaults to 50; at most 500. */
  limit?: number
}

/** Times are in ms since 1970, durations in ms. */
export interface JobRow {
  id: JobId
  name: string
  state: JobState
  priority: number
  attempt: number
  maxAttempts: number
  createdAt: number
  runAt: number
  startedAt?: number
  finishedAt?: number
  durationMs?: number
  progress?: number
  error?: string
  /** The process that runs it or ran it last. */
  instanceId?: string
}

export interface JobDetail extends JobRow {
  payload: unknown
  result?: unknown
  uniqueKey?: string
  concurrencyKey?: string
  traceId?: string
  errors: { attempt: number; at: number; message: string }[]
}

export interface JobSummary {
  name: string
  waiting: number
  delayed: number
  running: number
  dead: number
  doneLastHour: number
  /** Runs that failed, whether or not they were tried again. */
  failedLastHour: number
  oldestWaitingMs: number
  /** Of the runs of the last hour. */
  meanRunMs: number
}

export interface Queue {
  /** One id for each job, in order. Calls without a transaction that come at the same moment share one commit.
   *  @example
   *  const [id] = await queue.enqueue([{ name: 'orders.send-receipt', payload: { orderId } }], tx) */
  enqueue(jobs: readonly NewJob[], within?: SqlTransaction): Promise<JobId[]>
  /** Puts events into the outbox. Without a transaction they are there when it resolves. */
  publish(events: readonly NewEvent[], within?: SqlTransaction): Promise<EventId[]>
  /** A worker, not yet started. */
  work(options: WorkOptions): Service
  /** Turns published events into jobs, in any number of processes at once. Not yet started. */
  relay(options: RelayOptions): Service

  /** Newest first. Finished jobs are there for 7 days. */
  list(filter?: JobFilter): Promise<JobRow[]>
  get(id: JobId): Promise<JobDetail | undefined>
  /** One row for each name that has jobs, or had some in the last hour. */
  summary(): Promise<JobSummary[]>
  /** Runs a dead letter again, with all its attempts, or a delayed job at once. False if it is neither, or if its unique
   *  key has been taken meanwhile. */
  retry(id: JobId): Promise<boolean>
  /** Deletes a job that is dead, or that has not begun. */
  discard(id: JobId): Promise<boolean>
  /** Retries all dead letters of one name; gives how many. */
  retryAll(filter: { name: string; state: 'dead' }): Promise<number>
}

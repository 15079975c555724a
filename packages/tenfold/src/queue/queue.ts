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
 *  Q16  An event published inside a transaction becomes exactly one job for each subscriber if and only if that commits. Of a
 *       crowd of events several may share a row; each keeps an id, attempts and an outcome of its own. While an event shares a
 *       row, its id is not that of a job: only what its own handler enqueues can come after it, and only all that share the row can
 *       be cancelled or discarded.
 *
 *  What people decide:
 *  Q17  `cancel` ends a job: one that has not begun never begins; the signal of one that runs is aborted with the reason, and
 *       whatever it then throws, it is cancelled and not tried again. One that gets done all the same is done.
 *  Q18  Once `pause` has resolved, nothing more of that name is claimed, in any process and after any restart, until `resume`.
 *       What runs goes on. Jobs can be enqueued meanwhile, and keep their place.
 *  Q19  What a handler throws decides: `giveUp` makes a dead letter at once, `retryAfter` says when the next attempt is, and the
 *       policy `retry` of the name decides all other errors; without any of them Q6 holds.
 *  Q20  Enqueuing a unique key that is taken keeps, replaces or postpones the job that holds it; one that runs is left alone
 *       when its job should change, and the new one comes after it. With a window the key stays taken that long.
 *  Q21  A finished job is kept as long as it says: not at all, or until then, or else 7 days.
 *  Q22  A job of a newer version than the handler's is left for others, at no cost. An older one runs: its schema decides.
 *
 *  Who goes first:
 *  Q23  Of the jobs of one name and priority that have tenants, the tenants take turns, however many jobs each has.
 *  Q24  Of one name and rate key, at most `max` jobs begin in any time of the length `perMs`, over all processes.
 *  Q25  Limits hold together: per key, over all keys of the name (`total`), and the rate.
 *  Q26  A job that has been ready for a minute is lifted to the most urgent priority: nothing starves.
 *
 *  More than one:
 *  Q27  A batch handler gets up to `size` jobs at once, as soon as there are as many or the first has waited `waitMs`; each job has
 *       its own outcome.
 *  Q28  A job that comes after others begins when they are done, and is given their results; if one fails, its policy decides.
 *
 *  Over days:
 *  Q29  A step that was finished is not run again, in no attempt and no process: its result is given instead.
 *  Q30  A job that sleeps or waits for an event holds no place of a worker, and goes on at its time, or when the event was relayed.
 *  Q31  Only the worker that holds the lease can finish a step.
 *
 *  And:
 *  Q32  Who has only the database can read no encrypted payload, result or step; older secrets still open them.
 *  Q33  `list` finds what a name, an error, a key or a payload says.
 *  Q34  A subscriber that asks for order gets the events of one key one after another, as they were published, over any number
 *       of relays and workers. Transactions that overlap have no order.
 *  Q35  `replay` gives one subscriber the events of a time again, under their old ids, each as one new job.
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
  /** What else `uniqueKey` does. */
  unique?: UniqueOptions
  /** At most `limit` jobs of this name with this key run at a time; without a key: of this name. With `total`, at most so many
   *  of all keys together. */
  concurrency?: { key?: string; limit: number; total?: number }
  /** At most `max` jobs of this name (and of this `key`) begin in any time of this length: at most a day. */
  rate?: { max: number; perMs: number; key?: string }
  /** Tenants take turns: one with a thousand jobs does not keep others waiting. */
  tenant?: string
  /** Of the payload's form. A worker whose handler has a lower version leaves the job to others. Defaults to 1. */
  version?: number
  /** How long it is kept after it has finished, in ms; `0`: not at all. Defaults to 7 days. Dead letters stay in any case. */
  keepMs?: number
  /** Begins when all of these are done. They have to exist, and may be enqueued in the same transaction. At most 1000. */
  after?: readonly JobId[]
  /** What happens when one of `after` becomes a dead letter: `wait` until it is retried (and be cancelled if it is discarded),
   *  `cancel`, or `run` all the same. Defaults to `wait`. A cancelled one cancels, unless this is `run`. */
  afterFailure?: AfterFailure
  /** Encrypt the payload, the result and the steps with the queue's secret. Defaults to what the queue was opened with. */
  encrypt?: boolean
  /** The W3C trace that the run continues. Defaults to the current one. */
  traceparent?: string
}

export type AfterFailure = 'wait' | 'cancel' | 'run'

export interface UniqueOptions {
  /** The key stays taken so long after the job was enqueued, even if it has finished. In ms. Defaults to 0. */
  windowMs?: number
  /** If the key is taken by a job that has not begun: leave it as it is, give it the new payload, or give it the new payload
   *  and put it off by the new `delay`. Defaults to `keep`. */
  onConflict?: 'keep' | 'replace' | 'postpone'
  /** It is put off no further than this after it was first enqueued. In ms. Defaults to for ever. */
  maxWaitMs?: number
}

export interface NewEvent {
  /** `<module>.<name>`, permanent. */
  name: string
  payload?: unknown
  /** Subscribers that ask for order get the events of one key one after another. */
  key?: string
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
  /** Of the payload's form; at most the handler's. */
  readonly version: number
  /** What this job came after, in the order of its `after`. */
  readonly after: readonly Predecessor[]
  /** From 0 to 1. Written at most once a second. */
  progress(fraction: number): void
  /** Runs `run` once in the life of this job, and keeps what it gives (256 kB as JSON); later attempts are given that. Names
   *  decide: a step under a new name runs, one whose name is gone is forgotten. A crash between the end of `run` and the
   *  commit of its result runs it again, so its effects on others want the job's id and the step's name as idempotency key.
   *  @example
   *  const charge = await job.step('charge', () => payments.charge(order)) */
  step<T>(name: string, run: () => Promise<T>): Promise<T>
  /** Ends this run, at no cost, and begins the job again `ms` later; then it resolves at once. Code before it runs again, except
   *  in steps. `name` defaults to its number among the unnamed sleeps of this run. */
  sleep(ms: number, name?: string): Promise<void>
  /** Ends this run until such an event was relayed, or the time is up. Those that were relayed since the job was enqueued count.
   *  `name` defaults to the event's. */
  waitForEvent(wanted: WantedEvent): Promise<ArrivedEvent | undefined>
}

export interface Predecessor {
  readonly id: JobId
  readonly state: 'done' | 'dead' | 'cancelled'
  readonly result: unknown
}

export interface WantedEvent {
  event: string
  /** The payload has to contain all of this, as JSON: `{ orderId: 7 }`. Defaults to any payload. */
  match?: unknown
  /** In ms. */
  timeoutMs: number
  name?: string
}

export interface ArrivedEvent {
  eventId: EventId
  payload: unknown
}

/** What it returns is kept as the result, if it is small (16 kB as JSON). */
export type JobHandler = (job: RunningJob) => Promise<unknown>

/** A pause in ms, `'stop'` for a dead letter, `undefined` for the usual back-off. It has no say after the last attempt. */
export type RetryPolicy = (error: unknown, attempt: number) => number | 'stop' | undefined

interface Work {
  /** Payloads of newer versions are left to others. Defaults to 1. */
  version?: number
  retry?: RetryPolicy
}

export interface SingleWork extends Work {
  run: JobHandler
}

/** One result for each job, in their order; an Error among them fails its job alone. Nothing returned: all are done. What it
 *  throws fails all of them. A batch takes one place of the worker. */
export interface BatchWork extends Work {
  batch: { size: number; waitMs: number }
  runBatch(jobs: readonly RunningJob[]): Promise<readonly unknown[] | void>
}

export type JobWork = SingleWork | BatchWork

export interface WorkOptions {
  /** By job name. A function is short for `{ run }`. */
  handlers: ReadonlyMap<string, JobHandler | JobWork>
  /** Jobs that run at a time in this process. Defaults to 10. */
  concurrency?: number
  /** How long a worker that no longer answers keeps its jobs. In ms. Defaults to 30000. */
  leaseMs?: number
  /** How long a shutdown waits for running jobs before it aborts them. In ms. Defaults to 25000. */
  stopTimeoutMs?: number
  /** After so long a ready job is lifted before more urgent ones. In ms. Defaults to 60000. */
  starvedMs?: number
}

/** A job that an event becomes. Its payload is an {@link EventDelivery}. */
export interface Subscriber extends RetryOptions {
  job: string
  /** Events of one key one after another, in the order of publishing; a failed one holds up those behind it until it is done
   *  or dead. Events without a key have no order. */
  ordered?: boolean
  /** Each event is a job of its own, however many there are. Defaults to false: of a crowd, up to 50 share a row. */
  alone?: boolean
}

/** What the job of a subscriber carries. `eventId` is the same for all subscribers and all attempts. */
export interface EventDelivery {
  eventId: EventId
  event: string
  /** In ms since 1970. */
  publishedAt: number
  payload: unknown
}

export interface Replay {
  event: string
  /** Only this subscriber gets them. */
  subscriber: string | Subscriber
  since: Date
  /** Defaults to now. */
  until?: Date
}

export interface RelayOptions {
  /** By event name, of the whole app: whoever relays an event decides for all its subscribers. */
  subscriptions: ReadonlyMap<string, readonly (string | Subscriber)[]>
}

/** `blocked`: comes after others that are not done. */
export type JobState = 'waiting' | 'delayed' | 'blocked' | 'running' | 'done' | 'dead' | 'cancelled'

export interface JobFilter {
  state?: JobState
  name?: string
  ids?: readonly JobId[]
  /** A part of the name, of an error, of a key or of the payload as JSON, in any case; encrypted payloads are not searched. */
  search?: string
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
  /** So many events of a crowd share this row. Those that failed or took long have left it, and have rows of their own. */
  events?: number
}

export interface JobDetail extends JobRow {
  payload: unknown
  result?: unknown
  uniqueKey?: string
  concurrencyKey?: string
  tenant?: string
  /** What it comes after. */
  after?: JobId[]
  /** Finished steps of an unfinished job. */
  steps?: { name: string; finishedAt: number; result?: unknown }[]
  traceId?: string
  /** An event that shares a row with others: the id of that row, which is what can be cancelled or discarded. */
  sharedRow?: JobId
  errors: { attempt: number; at: number; message: string }[]
}

export interface PausedName {
  name: string
  /** In ms since 1970. */
  pausedAt: number
  reason?: string
}

export interface JobSummary {
  name: string
  paused?: boolean
  waiting: number
  /** Of those that wait, how many have a limit of their own (`concurrency`, `rate`, `total`); absent where none has. */
  held?: number
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

  /** Events that were relayed in that time (they are kept for 7 days), once more; gives how many. */
  replay(options: Replay): Promise<number>

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
  /** Ends an unfinished job. True if there is one; one that runs has ended when its worker has seen to it. */
  cancel(id: JobId, reason?: string): Promise<boolean>
  /** Holds back all jobs of a name. */
  pause(name: string, reason?: string): Promise<void>
  /** False if it was not paused. */
  resume(name: string): Promise<boolean>
  paused(): Promise<PausedName[]>
  /** Retries all dead letters of one name; gives how many. */
  retryAll(filter: { name: string; state: 'dead' }): Promise<number>
}

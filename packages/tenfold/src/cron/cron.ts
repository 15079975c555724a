/** Crons that run once, on any number of processes, with none of them in charge.
 *
 *    every instance:  sleep until the next tick, by the clock of the database
 *                     insert (name, fire_at) ── taken ──> somebody else has it
 *                           └─ inserted ──> enqueue its job, in the same transaction
 *
 *  C1  A tick becomes at most one job: the primary key (name, fire_at) decides, nobody is elected.
 *  C2  A tick becomes a job if and only if its row is committed; the job then has all promises of the queue.
 *  C3  The clock of the database says what time it is. Clocks of instances only measure how long to sleep.
 *  C4  A tick that nobody could run runs up to `graceMs` late, and then only the last one missed: not one for each
 *      missed tick. Ticks that are late by less than five seconds run one by one. Rows outlive the window by days.
 *      `catchUp` may say otherwise: `skip` runs none of them, `all` runs each that is within `graceMs`, oldest first.
 *  C5  A new or changed cron has no past: ticks before it was first seen are not caught up with.
 *  C6  A schedule that cannot be read or never fires, an unknown time zone and a second cron of the same name are refused
 *      at once, with a code.
 *  C7  With `overlap: 'skip'` a tick whose predecessor is unfinished is recorded and does not run; with `queue` it waits for it.
 *  C8  A tick that did not run is data: `missed()` tells the tick, and why.
 *
 *  Daylight saving: a fixed time that the clocks skip runs right after the gap; one that comes twice runs at its first
 *  coming. Schedules with `*` or steps in the hours or minutes follow real time. */
import type { SqlTransaction } from '../database/index.ts'
import type { Service } from '../kernel/index.ts'

export interface CronDefinition {
  /** `<module>.<name>`, permanent. */
  name: string
  /** Five fields (minute, hour, day, month, weekday), or six with seconds first, or `@hourly`, `@daily`, `@weekly`, `@monthly`. */
  schedule: string
  /** An IANA name such as `Europe/Berlin`. Defaults to `UTC`. */
  timeZone?: string
  /** How late a missed tick may still run. In ms. Defaults to ten minutes; below 5000 it counts as 5000. */
  graceMs?: number
  /** What happens to ticks that are late: none runs, the last one, or all within `graceMs` (the last 1000). Defaults to `once`. */
  catchUp?: 'skip' | 'once' | 'all'
  /** If the run before is unfinished: run beside it, leave this tick out, or wait for it. Defaults to `allow`. */
  overlap?: 'allow' | 'skip' | 'queue'
  /** The run begins a random time after its tick, at most this, so that many crons do not begin together. In ms. Defaults to 0. */
  jitterMs?: number
  /** Runs of one tick before it is dead. Defaults to 3. */
  maxAttempts?: number
  /** In ms. Defaults to ten minutes. */
  timeoutMs?: number
}

/** The job that a tick becomes; `payload` is a {@link CronTick}. */
export interface CronJob {
  /** `cron:<module>.<name>`: see {@link jobNameOf}. */
  name: string
  payload: CronTick
  maxAttempts: number
  timeoutMs: number
  delay?: number
  uniqueKey?: string
  concurrency?: { key: string; limit: number }
}

export interface CronTick {
  cron: string
  /** The time that the schedule says, in ms since 1970; not the time when it began. */
  fireAt: number
  /** Started by hand. */
  manual?: true
}

/** What crons need of a queue. The queue of tenfold fits. */
export interface CronJobs {
  enqueue(jobs: readonly CronJob[], within: SqlTransaction): Promise<string[]>
  list(filter: { ids: readonly string[]; limit: number }): Promise<CronJobRow[]>
}

export interface CronJobRow {
  id: string
  state: 'waiting' | 'delayed' | 'blocked' | 'running' | 'done' | 'dead' | 'cancelled'
  startedAt?: number
  durationMs?: number
  instanceId?: string
}

export interface CronRun {
  fireAt: number
  startedAt?: number
  durationMs?: number
  /** `skipped`: the run before was not finished. */
  state: 'waiting' | 'running' | 'done' | 'dead' | 'cancelled' | 'skipped'
  instanceId?: string
  jobId: string
  manual: boolean
}

export interface CronRow {
  name: string
  schedule: string
  timeZone: string
  /** In words, such as "at minute 0 of every hour". */
  description: string
  nextAt: number | null
  /** Newest first, at most 10. */
  runs: CronRun[]
}

/** A tick that did not run as it should have. */
export interface CronMissed {
  name: string
  /** In ms since 1970. */
  fireAt: number
  /** `never`: nobody was there to tick. `skipped`: the run before was unfinished. `failed`: its job is a dead letter. `late`: a
   *  minute after its tick it has not begun. */
  reason: 'never' | 'skipped' | 'failed' | 'late'
  jobId?: string
}

export interface Cron {
  /** Watches the clock, for these crons; for all, by default. Not yet started. */
  schedule(names?: ReadonlySet<string>): Service
  list(): Promise<CronRow[]>
  /** What did not run in the last `withinMs` (a day, unless said otherwise): at most 100 ticks of each cron, newest first. An
   *  alert can read it. */
  missed(withinMs?: number): Promise<CronMissed[]>
  /** Runs it now, beside its schedule. */
  runNow(name: string): Promise<{ jobId: string }>
}

/** The name of the job that the ticks of a cron become: handlers are registered under it. */
export function jobNameOf(cron: string): string {
  return `cron:${cron}`
}

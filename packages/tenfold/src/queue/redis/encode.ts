/** A job of ours as a job of BullMQ, and back. */
import { encodeJob, type Encoding } from '../postgres/encode.ts'
import { backoffOf, type Claimed } from '../postgres/run.ts'
import { JobEngine } from '../errors.ts'
import type { NewJob } from '../queue.ts'
import { createSealer } from '../secret.ts'
import type { BullJob, BullJobOptions } from './bullmq.ts'
import { REDIS_CANNOT } from './cannot.ts'
import { bullIdOf, idOf } from './names.ts'
import type { Adding } from './producer.ts'

/** The payload and what BullMQ has no place for; short names, since Redis keeps them in memory. */
export interface BullData {
  payload: unknown
  timeout: number
  backoff: number
  backoffMax: number
  trace?: string
  /** Kept in Postgres until it has run. */
  held?: true
  version?: number
  sealed?: true
  /** Since when events count that it waits for, in ms since 1970; absent: since BullMQ was given it. */
  since?: number
  /** The reason for which it was cancelled before it began. */
  cancel?: string
}

/** What BullMQ keeps as the result of a job that was cancelled. Other results are JSON, as text. */
export interface CancelledResult {
  cancelled: string
}

/** The way in which a failed run is tried again: see {@link pauseAfter}. */
const BACKOFF = 'tenfold'

/** Finished jobs lie in memory: few are kept, of each name. */
const KEEP_DONE = { age: 86_400, count: 1000 }

/** BullMQ serves low numbers first, and jobs without a number before all others. */
const MIDDLE_PRIORITY = 1001

const NO_SECRETS = createSealer([])

const REASONS: Partial<Record<string, string>> = {
  concurrency: REDIS_CANNOT.Q10,
  unique: REDIS_CANNOT.Q20,
  tenant: REDIS_CANNOT.Q23,
  rate: REDIS_CANNOT.Q24,
  after: REDIS_CANNOT.Q28,
}

/** What a job on Redis may be given; anything else is refused rather than ignored. */
const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'payload',
  'priority',
  'delay',
  'runAt',
  'uniqueKey',
  'traceparent',
  'maxAttempts',
  'timeoutMs',
  'backoff',
  'version',
  'keepMs',
  'encrypt',
])

/** Refuses what the queue on Postgres would refuse, and what this engine cannot keep. Gives the job with its payload sealed,
 *  if it is to be. */
export function checkJob(job: NewJob, { maxPayloadBytes, sealer, encrypt }: Encoding): NewJob {
  for (const [option, value] of Object.entries(job)) {
    if (value === undefined || KNOWN.has(option)) continue
    throw JobEngine({ name: job.name, reason: REASONS[option] ?? `jobs on redis do not have \`${option}\`` })
  }
  encodeJob({ ...job, encrypt: false }, { maxPayloadBytes, sealer: NO_SECRETS, encrypt: false }, undefined)
  if (!(job.encrypt ?? encrypt)) return job
  const sealed = JSON.parse(sealer.seal(job.name, JSON.stringify(job.payload ?? null))) as unknown
  return { ...job, payload: sealed, encrypt: true }
}

export function encodeBull(
  job: NewJob,
  id: string,
  { traceparent, held, since }: Adding,
): { name: string; data: BullData; opts: BullJobOptions } {
  const { name, payload = null, priority = 0, delay = 0, runAt, uniqueKey, maxAttempts = 10, timeoutMs = 60_000 } = job
  const wait = Math.max(0, runAt ? runAt.getTime() - Date.now() : delay)
  const trace = job.traceparent ?? traceparent
  return {
    name,
    data: {
      payload,
      timeout: timeoutMs,
      backoff: job.backoff?.baseMs ?? 1000,
      backoffMax: job.backoff?.maxMs ?? 3_600_000,
      ...(trace !== undefined && { trace }),
      ...(held && { held }),
      ...(since !== undefined && { since }),
      ...(job.version !== undefined && job.version > 1 && { version: job.version }),
      ...(job.encrypt && { sealed: true }),
    },
    opts: {
      jobId: bullIdOf(id),
      attempts: maxAttempts,
      backoff: { type: BACKOFF },
      priority: MIDDLE_PRIORITY - priority,
      ...(wait > 0 && { delay: wait }),
      ...(uniqueKey !== undefined && { deduplication: { id: uniqueKey } }),
      removeOnComplete: job.keepMs === undefined ? KEEP_DONE : keepFor(job.keepMs),
      removeOnFail: false,
    },
  }
}

/** Of the finished jobs of a name, BullMQ drops those that are older than the one that finishes last may become. */
function keepFor(ms: number): true | typeof KEEP_DONE {
  return ms === 0 ? true : { ...KEEP_DONE, age: Math.max(1, Math.min(KEEP_DONE.age, Math.round(ms / 1000))) }
}

export function priorityOf({ priority }: BullJob): number {
  return MIDDLE_PRIORITY - priority
}

/** As the part that runs jobs takes them, whatever the engine. A run that died with its worker is no attempt here. */
export function claimedOf(name: string, job: BullJob): Claimed {
  const { payload, timeout, backoff, backoffMax, trace, version = null, cancel = null, sealed } = job.data as BullData
  const rare = version !== null || cancel !== null || sealed
  return {
    id: idOf(job.id),
    name,
    rank: -priorityOf(job),
    seq: 0,
    attempt: job.attemptsMade + 1,
    lost: 0,
    maxAttempts: job.opts.attempts ?? 1,
    timeoutMs: timeout,
    backoffMs: backoff,
    backoffMaxMs: backoffMax,
    key: null,
    traceparent: trace ?? null,
    payload,
    waitedMs: Math.max(0, (job.processedOn ?? Date.now()) - job.timestamp - job.delay),
    more: rare ? { links: null, version, cancel, extra: sealed ? { sealed } : null, lane: null } : null,
    owner: 0,
  }
}

export interface FailedRun extends Error {
  /** Until the next attempt, where the run itself decided. */
  delayMs?: number
}

/** BullMQ asks this after a failed run. */
export function pauseAfter(attempts: number, job: BullJob | undefined, error?: FailedRun): number {
  if (error?.delayMs !== undefined) return Math.ceil(error.delayMs)
  if (!job) return 1000
  return Math.ceil(backoffOf({ ...claimedOf('', job), attempt: attempts }))
}

/** What a job says about itself, in the words of people, and what the queue makes of it. */
import { toMs, validate, type AnySchema, type Duration, type InputOf, type OutputOf } from '../kernel/index.ts'
import type { SqlTransaction } from '../database/index.ts'
import { JobInputInvalid } from './errors.ts'
import type { JobWork, NewJob, Predecessor, RetryOptions, RunningJob } from './queue.ts'

/** What a run of a job is given. */
export interface JobFacts<Input> {
  readonly input: Input
  /** Identifies the job over all its attempts: use it as an idempotency key towards others. */
  readonly jobId: string
  /** 1 for the first run. */
  readonly attempt: number
  /** True if a failure of this run makes the job a dead letter. */
  readonly lastAttempt: boolean
  /** Aborts at the job's timeout, when it is cancelled, and at the end of a shutdown's patience; `reason` says which. */
  readonly signal: AbortSignal
  /** Says how far it is, from 0 to 1; stored at most once a second. */
  progress(fraction: number): void
  /** Of the input's form, as it was enqueued: see `version`. */
  readonly version: number
  /** What this job came after, in the order of its `after`, with their results. */
  readonly after: readonly Predecessor[]
  /** Runs once in the life of this job and keeps what it gives; later attempts are given that. Names decide.
   *  @example
   *  const charge = await step('charge', () => payments.charge(input.orderId, { idempotencyKey: `${jobId} charge` })) */
  step<T>(name: string, run: () => Promise<T>): Promise<T>
  /** Ends this run at no cost and goes on so much later, in another: code before it runs again, except in steps. The name
   *  defaults to its number among the unnamed sleeps. */
  sleep(duration: Duration, name?: string): Promise<void>
}

/** What every job may say about itself. */
export interface JobSettings<Input extends AnySchema> {
  input: Input
  /** How often it runs in all before it becomes a dead letter. Defaults to 10. */
  attempts?: number
  /** The pause before the second run; doubles each time up to `max`, with full jitter. Defaults to 1 s, at most 1 h. */
  backoff?: { base: Duration; max?: Duration }
  /** How long one run may take; then `signal` aborts and the run has failed. Defaults to 1 minute; 0 lets it run for ever. */
  timeout?: Duration
  /** Higher runs first. Defaults to 0. */
  priority?: number
  /** While a job with this key is unfinished, enqueuing another returns the first one's id. */
  unique?: ((input: InputOf<Input>) => string) | UniqueJob<InputOf<Input>>
  /** At most `limit` jobs of the same key run at once, over all processes; without a key: of this job. With `total`, at most so
   *  many of all keys together. */
  concurrency?: { key?: (input: InputOf<Input>) => string; limit: number; total?: number }
  /** At most `max` begin in any time of this length (at most a day), over all processes; with a key: of the same key. */
  rate?: { max: number; per: Duration; key?: (input: InputOf<Input>) => string }
  /** Tenants take turns within a priority, however many jobs each has.
   *  @example tenant: (input) => input.accountId */
  tenant?: (input: InputOf<Input>) => string
  /** What an error means: a pause, `'stop'` for a dead letter at once, or undefined for the usual back-off.
   *  @example retry: (error) => (error instanceof AddressUnknown ? 'stop' : undefined) */
  retry?: (error: unknown, attempt: number) => Duration | 'stop' | undefined
  /** Raise it when older releases could not read the input any more: their workers then leave such jobs to others. Jobs of
   *  lower versions run here, and the schema has to accept them. Defaults to 1. */
  version?: number
  /** How long a finished job is kept; `0`: not at all. Defaults to 7 days. */
  keep?: Duration
  /** Encrypts the input, the result and the steps with a key made from a secret of the app (SECRET_KEY). Defaults to false. */
  encrypt?: boolean
}

export interface UniqueJob<Input> {
  key: (input: Input) => string
  /** The key stays taken so long after the job was enqueued, even if it has finished: at most one in this time. */
  window?: Duration
  /** If a job that has not begun holds the key: leave it as it is, give it the new input, or give it the new input and put it off
   *  by the new `delay`. One that runs is left alone, and the new one comes after it. Defaults to `keep`. */
  onConflict?: 'keep' | 'replace' | 'postpone'
  /** It is put off no further than so long after it was first enqueued. */
  maxWait?: Duration
}

export interface EnqueueOptions<Transaction = SqlTransaction> {
  /** The job exists if and only if this transaction commits. */
  tx?: Transaction
  /** Runs no earlier than this long from now. */
  delay?: Duration
  /** Runs no earlier than this. */
  runAt?: Date
  priority?: number
  /** Begins when all of these jobs are done; at most 1000. Their results are in the context's `after`. */
  after?: readonly string[]
  /** When one of them becomes a dead letter: `wait` until it is retried (discarded: be cancelled), `cancel`, or `run` all the
   *  same. Defaults to `wait`. */
  afterFailure?: 'wait' | 'cancel' | 'run'
}

/** The settings of a job whose input type is not known. */
export type AnyJobSettings = Omit<JobSettings<AnySchema>, 'unique' | 'concurrency' | 'rate' | 'tenant'> & {
  unique?: Chooser | UniqueJob<never>
  concurrency?: { key?: Chooser; limit: number; total?: number }
  rate?: { max: number; per: Duration; key?: Chooser }
  tenant?: Chooser
}

type Chooser = (input: never) => string

/** One job of these settings, as the queue takes it. */
export function newJob(
  name: string,
  settings: AnyJobSettings,
  payload: unknown,
  options: Omit<EnqueueOptions, 'tx'>,
): NewJob {
  const { unique, concurrency, rate, tenant, keep, version, encrypt } = settings
  const { priority = settings.priority, delay, runAt, after, afterFailure } = options
  const input = payload as never
  return {
    name,
    payload,
    ...retriesOf(settings),
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delay: toMs(delay) }),
    ...(runAt && { runAt }),
    ...(after && after.length > 0 && { after, ...(afterFailure && { afterFailure }) }),
    ...(unique && uniqueOf(unique, input)),
    ...(concurrency && { concurrency: placesOf(concurrency, input) }),
    ...(rate && { rate: { max: rate.max, perMs: toMs(rate.per), ...keyOf(rate.key, input) } }),
    ...(tenant && { tenant: tenant(input) }),
    ...(keep !== undefined && { keepMs: toMs(keep) }),
    ...(version !== undefined && { version }),
    ...(encrypt !== undefined && { encrypt }),
  }
}

function placesOf(
  { key, ...limits }: NonNullable<AnyJobSettings['concurrency']>,
  input: never,
): NonNullable<NewJob['concurrency']> {
  return { ...limits, ...keyOf(key, input) }
}

function keyOf(choose: Chooser | undefined, input: never): { key: string } | { key?: never } {
  return choose ? { key: choose(input) } : {}
}

function uniqueOf(unique: NonNullable<AnyJobSettings['unique']>, input: never): Pick<NewJob, 'uniqueKey' | 'unique'> {
  if (typeof unique === 'function') return { uniqueKey: unique(input) }
  const { key, window, onConflict, maxWait } = unique
  return {
    uniqueKey: key(input),
    unique: {
      ...(window !== undefined && { windowMs: toMs(window) }),
      ...(onConflict && { onConflict }),
      ...(maxWait !== undefined && { maxWaitMs: toMs(maxWait) }),
    },
  }
}

export function retriesOf({
  attempts,
  timeout,
  backoff,
}: Pick<JobSettings<AnySchema>, 'attempts' | 'timeout' | 'backoff'>): RetryOptions {
  return {
    ...(attempts !== undefined && { maxAttempts: attempts }),
    ...(timeout !== undefined && { timeoutMs: toMs(timeout) }),
    ...(backoff && {
      backoff: { baseMs: toMs(backoff.base), ...(backoff.max !== undefined && { maxMs: toMs(backoff.max) }) },
    }),
  }
}

/** What a worker has to know of a job besides its code. */
export function policyOf({
  retry,
  version,
}: Pick<JobSettings<AnySchema>, 'retry' | 'version'>): Pick<JobWork, 'retry' | 'version'> {
  return {
    ...(version !== undefined && { version }),
    ...(retry && {
      retry(error: unknown, attempt: number) {
        const verdict = retry(error, attempt)
        return verdict === undefined || verdict === 'stop' ? verdict : toMs(verdict)
      },
    }),
  }
}

/** The input as its schema gives it; throws TF_JOB_INPUT_INVALID. */
export async function checkInput<Input extends AnySchema>(
  name: string,
  schema: Input,
  value: unknown,
): Promise<OutputOf<Input>> {
  const checked = await validate(schema, value)
  if (!checked.ok) throw JobInputInvalid({ job: name, issues: checked.issues })
  return checked.value
}

/** What a run is given, all but its input. */
export function factsOf(job: RunningJob): Omit<JobFacts<never>, 'input' | 'signal'> {
  return {
    jobId: job.id,
    attempt: job.attempt,
    lastAttempt: job.lastAttempt,
    progress: (fraction) => job.progress(fraction),
    version: job.version,
    after: job.after,
    step: (name, run) => job.step(name, run),
    sleep: (duration, name) => job.sleep(toMs(duration), name),
  }
}

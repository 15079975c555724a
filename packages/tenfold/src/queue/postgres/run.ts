/** Runs one claimed job: in a trace of its own, with a signal and a time limit. Never throws: what happened is an Outcome. */
import { messageOf, type TenfoldError } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobCancelled, JobGaveUp, JobRetryLater, JobSealed, JobSuspended, JobTimeout } from '../errors.ts'
import type { JobId, JobWork, Predecessor, RunningJob, SingleWork } from '../queue.ts'
import type { Sealer } from '../secret.ts'
import { createSteps, type Journal, type Steps, type Suspension } from '../steps.ts'
import { storable } from './encode.ts'

/** A job as the claim returned it. */
export interface Claimed {
  id: string
  name: string
  rank: number
  seq: number
  attempt: number
  lost: number
  maxAttempts: number
  timeoutMs: number
  backoffMs: number
  backoffMaxMs: number
  key: string | null
  traceparent: string | null
  payload: unknown
  /** From ready to claimed. */
  waitedMs: number
  /** What plain jobs do not have. */
  more: More | null
  /** The worker's id at the claim: part of the fence. */
  owner: number
}

export interface More {
  /** 1: others come after it, 2: it comes after others, 4: it has finished steps. */
  links: number | null
  version: number | null
  cancel: string | null
  /** `many`: so many events, see many.ts. */
  extra: { keep?: number; sealed?: true; many?: number } | null
  lane: string | null
}

export type Outcome = { job: Claimed; ms: number } & (
  | { kind: 'done'; result: string | null }
  /** `dead`: whatever attempts are left. `delayMs` instead of the usual back-off. */
  | { kind: 'failed'; message: string; dead?: true; delayMs?: number }
  /** With a delay: nobody here can run it. */
  | { kind: 'returned'; delayMs?: number }
  | ({ kind: 'suspended' } & Suspension)
  | { kind: 'cancelled'; message: string }
)

export interface Run {
  readonly job: Claimed
  /** The reason says why; a run that was interrupted is given back instead of failed. */
  interrupt(reason: TenfoldError): void
  cancel(reason: string): void
  readonly outcome: Promise<Outcome>
  progress: number | undefined
  /** Jobs that it may have made out of its own, for this worker. */
  holds?(): readonly JobId[]
}

/** What runs need beside their job. */
export interface RunTools {
  telemetry: Telemetry
  sealer: Sealer
  journalOf(job: Claimed): Journal
  predecessorsOf(job: Claimed): Promise<Predecessor[]>
}

const MAX_RESULT = 16 * 1024
const MAX_MESSAGE = 4000
/** After its signal was aborted a run has so long to clean up; then its place is given to others. */
const GRACE_MS = 2000
/** A job of a newer version goes to others, who may come up at any moment; we keep off its name for longer than that. */
const NOT_OURS_MS = 500
export const KEEP_OFF_MS = 3000

/** What a handler is given. Its functions are made when they are asked for: most jobs need none of them. */
class Handed implements RunningJob {
  readonly id: JobId
  readonly name: string
  payload: unknown
  readonly attempt: number
  readonly traceparent: string | undefined
  readonly version: number
  after: readonly Predecessor[] = NONE
  readonly #run: JobRun

  constructor(run: JobRun) {
    const { job } = run
    this.id = job.id
    this.name = job.name
    this.payload = job.payload
    this.attempt = job.attempt
    this.traceparent = job.traceparent ?? undefined
    this.version = job.more?.version ?? 1
    this.#run = run
  }

  get lastAttempt(): boolean {
    return isLast(this.#run.job)
  }
  get signal(): AbortSignal {
    return this.#run.signal
  }
  get progress(): RunningJob['progress'] {
    return (fraction) => void (this.#run.progress = Math.min(1, Math.max(0, Number(fraction) || 0)))
  }
  get step(): RunningJob['step'] {
    return (name, run) => this.#run.steps.step(name, run)
  }
  get sleep(): RunningJob['sleep'] {
    return (ms, name) => this.#run.steps.sleep(ms, name)
  }
  get waitForEvent(): RunningJob['waitForEvent'] {
    return (wanted) => this.#run.steps.waitForEvent(wanted)
  }
}

const NONE: readonly never[] = []

/** Runs the job, alone or with others (see batch.ts), inside of `run.until`: what that waits for has then ended, or its time is up. */
type Begin = (handed: RunningJob, run: JobRun) => Promise<unknown>

/** One run. A class, because of a job that does nothing most of the cost were closures. */
export class JobRun implements Run {
  readonly job: Claimed
  readonly outcome: Promise<Outcome>
  progress: number | undefined = undefined
  readonly #work: JobWork
  readonly #tools: RunTools
  readonly #began = performance.now()
  readonly #handed: Handed
  #cancelled: string | undefined
  #interrupted = false
  /** Made when somebody asks for the signal. */
  #controller: AbortController | undefined
  #aborted: TenfoldError | undefined
  #givenUp: TenfoldError | undefined
  #end: ((error: unknown) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #steps: Steps | undefined

  constructor(job: Claimed, work: JobWork, tools: RunTools, begin: Begin) {
    this.job = job
    this.#work = work
    this.#tools = tools
    this.#cancelled = job.more?.cancel ?? undefined
    this.#handed = new Handed(this)
    this.outcome = this.#execute(begin)
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted)
    }
    return this.#controller.signal
  }

  get steps(): Steps {
    return (this.#steps ??= createSteps(this.job.name, this.#tools.journalOf(this.job)))
  }

  interrupt(reason: TenfoldError): void {
    this.#interrupted = true
    clearTimeout(this.#timer)
    if (this.#aborted) this.#giveUp(reason)
    else this.#abort(reason)
  }

  cancel(reason: string): void {
    if (this.#cancelled !== undefined || this.#interrupted) return
    this.#cancelled = reason
    clearTimeout(this.#timer)
    this.#abort(JobCancelled({ name: this.job.name, reason }))
  }

  /** @param alone to sleep is not to fail: the trace of a job that ran alone ends well */
  until<T>(what: () => Promise<T>, alone: boolean): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#end = reject
      if (this.#givenUp) return reject(this.#givenUp)
      const failed = alone
        ? (error: unknown): void => (JobSuspended.is(error) ? resolve(undefined) : reject(error))
        : reject
      Promise.resolve(what()).then(resolve, failed)
    })
  }

  async #execute(begin: Begin): Promise<Outcome> {
    const { job } = this
    if (job.timeoutMs > 0) this.#timer = setTimeout(() => this.#overrun(), job.timeoutMs)
    try {
      const refused = job.more && (await this.#prepare(job.more))
      if (refused) return refused
      const result = await begin(this.#handed, this)
      const suspension = this.#steps?.suspension()
      if (suspension) return { kind: 'suspended', job, ms: this.#took(), ...suspension }
      // What overran but got done in its grace is done: to run it again would do it twice.
      return { kind: 'done', job, ms: this.#took(), result: resultOf(result, job, this.#tools) }
    } catch (error) {
      return this.#failureOf(error)
    } finally {
      clearTimeout(this.#timer)
    }
  }

  /** What has to be there first; gives the outcome of a job that does not begin. */
  async #prepare({ links, extra }: More): Promise<Outcome | undefined> {
    const { job } = this
    if (this.#cancelled !== undefined) return { kind: 'cancelled', job, ms: 0, message: this.#cancelled }
    if (this.#handed.version > (this.#work.version ?? 1)) return notOurs(job)
    if (extra?.sealed) this.#handed.payload = this.#tools.sealer.open(job.name, job.payload)
    if (links && links & 2) this.#handed.after = await this.#tools.predecessorsOf(job)
    return undefined
  }

  #failureOf(error: unknown): Outcome {
    const { job } = this
    const { telemetry } = this.#tools
    const ms = this.#took()
    const suspension = this.#steps?.suspension()
    if (this.#cancelled !== undefined) return { kind: 'cancelled', job, ms, message: this.#cancelled }
    if (suspension) return { kind: 'suspended', job, ms, ...suspension }
    if (this.#interrupted) return { kind: 'returned', job, ms }
    if (JobSealed.is(error)) {
      telemetry.log.error(error.message, { job: job.name, id: job.id, fix: error.fix })
      return notOurs(job)
    }
    const reason = this.#aborted && isAbort(error) ? this.#aborted : error
    const message = messageOf(reason).slice(0, MAX_MESSAGE)
    const verdict = verdictOf(reason, job, this.#work, telemetry)
    tell(telemetry, job, reason, verdict.dead === true || isLast(job))
    return { kind: 'failed', job, ms, message, ...verdict }
  }

  #overrun(): void {
    const { name, timeoutMs } = this.job
    this.#abort(JobTimeout({ name, timeoutMs }))
  }

  #abort(reason: TenfoldError): void {
    if (this.#aborted) return
    this.#aborted = reason
    this.#controller?.abort(reason)
    this.#timer = setTimeout(() => this.#giveUp(reason), GRACE_MS)
  }

  #giveUp(reason: TenfoldError): void {
    this.#givenUp = reason
    this.#end?.(reason)
  }

  #took(): number {
    return performance.now() - this.#began
  }
}

/** A failed run is a warning while it is tried again, and an error when it made the job a dead letter. */
function tell({ log }: Telemetry, job: Claimed, error: unknown, dead: boolean): void {
  if (JobRetryLater.is(error)) return
  const facts = { job: job.name, id: job.id, attempt: job.attempt - job.lost, of: job.maxAttempts, error }
  if (dead) log.error(`${job.name} failed for good`, facts)
  else log.warn(`${job.name} failed; it is tried again`, facts)
}

/** One job by itself. */
export function startSingle(job: Claimed, work: SingleWork, tools: RunTools): Run {
  return new JobRun(job, work, tools, (handed, run) =>
    inTrace(tools.telemetry, job, 1, () => run.until(() => work.run(handed), true)),
  )
}

/** Each job in a trace of its own, that goes on from where it was enqueued. */
export function inTrace<T>(telemetry: Telemetry, job: Claimed, count: number, fn: () => Promise<T>): Promise<T> {
  const attributes = { 'job.id': job.id, 'job.attempt': job.attempt, 'job.waited_ms': job.waitedMs }
  return telemetry.root(
    {
      kind: 'job',
      name: job.name,
      module: moduleOf(job.name),
      ...(job.traceparent && { traceparent: job.traceparent }),
      attributes: count === 1 ? attributes : { ...attributes, 'job.count': count },
    },
    fn,
  )
}

/** A lost worker costs no attempt: only the others count. */
export function isLast({ attempt, lost, maxAttempts }: Claimed): boolean {
  return attempt - lost >= maxAttempts
}

/** A random pause between 0 and an end that doubles with each attempt ("full jitter"): many that failed together do not
 *  come back together. */
export function backoffOf({ attempt, lost, backoffMs, backoffMaxMs }: Claimed): number {
  return Math.random() * Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(30, attempt - lost - 1))
}

function notOurs(job: Claimed): Outcome {
  return { kind: 'returned', job, ms: 0, delayMs: NOT_OURS_MS * (0.5 + Math.random()) }
}

/** What the error itself, or the policy of the job, says about the next attempt. */
function verdictOf(
  error: unknown,
  job: Claimed,
  { retry }: JobWork,
  telemetry: Telemetry,
): { dead?: true; delayMs?: number } {
  if (JobGaveUp.is(error)) return { dead: true }
  if (JobRetryLater.is(error)) return { delayMs: error.details.delayMs }
  if (!retry) return {}
  try {
    const verdict = retry(error, job.attempt - job.lost)
    if (verdict === 'stop') return { dead: true }
    return typeof verdict === 'number' && verdict >= 0 && verdict < Infinity ? { delayMs: verdict } : {}
  } catch (failure) {
    telemetry.log.error('The retry policy of a job failed itself; the usual back-off holds.', {
      job: job.name,
      reason: messageOf(failure),
    })
    return {}
  }
}

/** `cron:orders.expire` and `orders.send-receipt` are both of `orders`. */
function moduleOf(name: string): string {
  return name.replace(/^[a-z]+:/, '').split('.')[0]!
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function resultOf(result: unknown, job: Claimed, { telemetry, sealer }: RunTools): string | null {
  if (result === undefined) return null
  try {
    const json = JSON.stringify(result, countsAsNumbers) ?? 'null'
    if (json.length <= MAX_RESULT) return job.more?.extra?.sealed ? sealer.seal(job.name, json) : storable(json)
    telemetry.log.warn('The result of a job is too large to be kept.', {
      job: job.name,
      id: job.id,
      bytes: json.length,
      limit: MAX_RESULT,
    })
  } catch (error) {
    telemetry.log.warn('The result of a job cannot be written as JSON.', {
      job: job.name,
      id: job.id,
      reason: messageOf(error),
    })
  }
  return null
}

/** Query builders count rows with a bigint, and many handlers end with a statement. */
function countsAsNumbers(_: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
}

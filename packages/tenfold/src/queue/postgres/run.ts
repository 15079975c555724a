/** Runs one claimed job: in a trace of its own, with a signal and a time limit. Never throws: what happened is an Outcome. */
import { messageOf, type TenfoldError } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobCancelled, JobGaveUp, JobRetryLater, JobSealed, JobSuspended, JobTimeout } from '../errors.ts'
import type { JobWork, Predecessor, RunningJob, SingleWork } from '../queue.ts'
import type { Sealer } from '../secret.ts'
import { createSteps, type Journal, type Suspension } from '../steps.ts'
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
  extra: { keep?: number; sealed?: true } | null
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
}

/** What runs need beside their job. */
export interface RunTools {
  telemetry: Telemetry
  sealer: Sealer
  journalOf(job: Claimed): Journal
  predecessorsOf(job: Claimed): Promise<Predecessor[]>
}

export type UntilGivenUp = <T>(what: () => Promise<T>) => Promise<T>

const MAX_RESULT = 16 * 1024
const MAX_MESSAGE = 4000
/** After its signal was aborted a run has so long to clean up; then its place is given to others. */
const GRACE_MS = 2000
/** A job of a newer version goes to others, who may come up at any moment; we keep off its name for longer than that. */
const NOT_OURS_MS = 500
export const KEEP_OFF_MS = 3000

/** `begin` runs the job, alone or with others (see batch.ts), inside of `untilGivenUp`: what it waits for has then ended, or
 *  its time is up. */
export function startRun(
  job: Claimed,
  work: JobWork,
  tools: RunTools,
  begin: (job: RunningJob, untilGivenUp: UntilGivenUp) => Promise<unknown>,
): Run {
  const { telemetry, sealer } = tools
  const { more } = job
  /** Most jobs never look at their signal, and making one costs more than all else here. */
  let controller: AbortController | undefined
  let aborted: TenfoldError | undefined
  const began = performance.now()
  const took = (): number => performance.now() - began
  let interrupted = false
  let cancelled = more?.cancel ?? undefined
  let givenUp: TenfoldError | undefined
  let end: ((error: unknown) => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let steps: ReturnType<typeof createSteps> | undefined

  const signalOf = (): AbortSignal => {
    if (!controller) {
      controller = new AbortController()
      if (aborted) controller.abort(aborted)
    }
    return controller.signal
  }
  const abort = (reason: TenfoldError): void => {
    if (aborted) return
    aborted = reason
    controller?.abort(reason)
    timer = setTimeout(() => giveUp(reason), GRACE_MS)
  }
  const giveUp = (reason: TenfoldError): void => {
    givenUp = reason
    end?.(reason)
  }
  const untilGivenUp: UntilGivenUp = (what) =>
    new Promise((resolve, reject) => {
      end = reject
      if (givenUp) return reject(givenUp)
      Promise.resolve(what()).then(resolve, reject)
    })
  const ownSteps = (): ReturnType<typeof createSteps> => (steps ??= createSteps(job.name, tools.journalOf(job)))
  const running = {
    id: job.id,
    name: job.name,
    payload: job.payload,
    attempt: job.attempt,
    lastAttempt: isLast(job),
    get signal() {
      return signalOf()
    },
    traceparent: job.traceparent ?? undefined,
    version: more?.version ?? 1,
    after: [] as readonly Predecessor[],
    progress: (fraction: number) => void (run.progress = Math.min(1, Math.max(0, Number(fraction) || 0))),
    step: <T>(name: string, fn: () => Promise<T>) => ownSteps().step(name, fn),
    sleep: (ms: number, name?: string) => ownSteps().sleep(ms, name),
    waitForEvent: (wanted: Parameters<RunningJob['waitForEvent']>[0]) => ownSteps().waitForEvent(wanted),
  }

  /** What has to be there first; gives the outcome of a job that does not begin. */
  const prepare = async ({ links, extra }: More): Promise<Outcome | undefined> => {
    if (cancelled !== undefined) return { kind: 'cancelled', job, ms: 0, message: cancelled }
    if (running.version > (work.version ?? 1)) return notOurs(job)
    if (extra?.sealed) running.payload = sealer.open(job.name, job.payload)
    if (links && links & 2) running.after = await tools.predecessorsOf(job)
    return undefined
  }

  const execute = async (): Promise<Outcome> => {
    if (job.timeoutMs > 0)
      timer = setTimeout(() => abort(JobTimeout({ name: job.name, timeoutMs: job.timeoutMs })), job.timeoutMs)
    try {
      if (more) {
        const refused = await prepare(more)
        if (refused) return refused
      }
      const result = await begin(running, untilGivenUp)
      const suspension = steps?.suspension()
      if (suspension) return { kind: 'suspended', job, ms: took(), ...suspension }
      // What overran but got done in its grace is done: to run it again would do it twice.
      return { kind: 'done', job, ms: took(), result: resultOf(result, job, tools) }
    } catch (error) {
      return failureOf(error)
    } finally {
      clearTimeout(timer)
    }
  }

  const failureOf = (error: unknown): Outcome => {
    const suspension = steps?.suspension()
    if (cancelled !== undefined) return { kind: 'cancelled', job, ms: took(), message: cancelled }
    if (suspension) return { kind: 'suspended', job, ms: took(), ...suspension }
    if (interrupted) return { kind: 'returned', job, ms: took() }
    if (JobSealed.is(error)) {
      telemetry.log.error(error.message, { job: job.name, id: job.id, fix: error.fix })
      return notOurs(job)
    }
    const reason = aborted && isAbort(error) ? aborted : error
    const message = messageOf(reason).slice(0, MAX_MESSAGE)
    const verdict = verdictOf(reason, job, work, telemetry)
    tell(telemetry, job, reason, verdict.dead === true || isLast(job))
    return { kind: 'failed', job, ms: took(), message, ...verdict }
  }

  const run = {
    job,
    progress: undefined as number | undefined,
    interrupt(reason: TenfoldError) {
      interrupted = true
      clearTimeout(timer)
      if (aborted) giveUp(reason)
      else abort(reason)
    },
    cancel(reason: string) {
      if (cancelled !== undefined || interrupted) return
      cancelled = reason
      clearTimeout(timer)
      abort(JobCancelled({ name: job.name, reason }))
    },
  }
  return Object.assign(run, { outcome: execute() })
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
  return startRun(job, work, tools, (running, untilGivenUp) =>
    inTrace(tools.telemetry, job, 1, async () => {
      try {
        return await untilGivenUp(() => work.run(running))
      } catch (error) {
        // To sleep is not to fail.
        if (JobSuspended.is(error)) return undefined
        throw error
      }
    }),
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
    const json = JSON.stringify(result) ?? 'null'
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

/** Runs one claimed job: in a trace of its own, with a signal and a time limit. Never throws: what happened is an Outcome. */
import { messageOf, type TenfoldError } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobTimeout } from '../errors.ts'
import type { JobHandler, RunningJob } from '../queue.ts'
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
  /** The worker's id at the claim: part of the fence. */
  owner: number
}

export type Outcome = { job: Claimed; ms: number } & (
  | { kind: 'done'; result: string | null }
  | { kind: 'failed'; message: string }
  | { kind: 'returned' }
)

export interface Run {
  readonly job: Claimed
  /** The reason says why; a run that was interrupted is given back instead of failed. */
  interrupt(reason: TenfoldError): void
  readonly outcome: Promise<Outcome>
  progress: number | undefined
}

const MAX_RESULT = 16 * 1024
const MAX_MESSAGE = 4000
/** After its signal was aborted a run has so long to clean up; then its place is given to others. */
const GRACE_MS = 2000

export function startRun(job: Claimed, handler: JobHandler, telemetry: Telemetry): Run {
  const controller = new AbortController()
  const { signal } = controller
  let interrupted = false
  let giveUp: (error: unknown) => void
  let timer: NodeJS.Timeout | undefined

  const abort = (reason: TenfoldError): void => {
    if (signal.aborted) return
    controller.abort(reason)
    timer = setTimeout(() => giveUp(reason), GRACE_MS)
  }
  const running: RunningJob = {
    id: job.id,
    name: job.name,
    payload: job.payload,
    attempt: job.attempt,
    lastAttempt: isLast(job),
    signal,
    traceparent: job.traceparent ?? undefined,
    progress: (fraction) => void (run.progress = Math.min(1, Math.max(0, Number(fraction) || 0))),
  }
  const execute = async (): Promise<Outcome> => {
    const began = performance.now()
    const gaveUp = new Promise<never>((_, reject) => (giveUp = reject))
    if (job.timeoutMs > 0)
      timer = setTimeout(() => abort(JobTimeout({ name: job.name, timeoutMs: job.timeoutMs })), job.timeoutMs)
    const took = (): number => performance.now() - began
    try {
      const result = await telemetry.root(
        {
          kind: 'job',
          name: job.name,
          module: moduleOf(job.name),
          ...(job.traceparent && { traceparent: job.traceparent }),
          attributes: { 'job.id': job.id, 'job.attempt': job.attempt, 'job.waited_ms': job.waitedMs },
        },
        () => Promise.race([handler(running), gaveUp]),
      )
      // What overran but got done in its grace is done: to run it again would do it twice.
      return { kind: 'done', job, ms: took(), result: resultOf(result, job, telemetry) }
    } catch (error) {
      if (interrupted) return { kind: 'returned', job, ms: took() }
      const reason = signal.aborted && isAbort(error) ? signal.reason : error
      return { kind: 'failed', job, ms: took(), message: messageOf(reason).slice(0, MAX_MESSAGE) }
    } finally {
      clearTimeout(timer)
    }
  }
  const run = {
    job,
    progress: undefined as number | undefined,
    interrupt(reason: TenfoldError) {
      interrupted = true
      clearTimeout(timer)
      if (signal.aborted) giveUp(reason)
      else abort(reason)
    },
  }
  return Object.assign(run, { outcome: execute() })
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

/** `cron:orders.expire` and `orders.send-receipt` are both of `orders`. */
function moduleOf(name: string): string {
  return name.replace(/^[a-z]+:/, '').split('.')[0]!
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function resultOf(result: unknown, job: Claimed, telemetry: Telemetry): string | null {
  if (result === undefined) return null
  try {
    const json = JSON.stringify(result) ?? 'null'
    if (json.length <= MAX_RESULT) return storable(json)
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

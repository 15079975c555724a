/** What a handler throws to say what comes next. */
import { toMs, type Duration, type TenfoldError } from '../kernel/index.ts'
import { JobGaveUp, JobRetryLater } from './errors.ts'

/** Trying again is of no use: the job is a dead letter at once.
 *  @example
 *  if (reply.status === 410) throw giveUp('The endpoint is gone.') */
export function giveUp(reason: string): TenfoldError {
  return JobGaveUp({ reason })
}

/** The next attempt comes after this time. It counts as a failed attempt all the same.
 *  @example
 *  if (reply.status === 429) throw retryAfter('5m') */
export function retryAfter(delay: Duration, reason?: string): TenfoldError {
  return JobRetryLater({ delayMs: toMs(delay), ...(reason !== undefined && { reason }) })
}

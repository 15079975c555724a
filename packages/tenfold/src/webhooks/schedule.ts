/** When a delivery is tried again: the example of Standard Webhooks, ten attempts over three days, each pause a tenth longer
 *  or shorter so that many that failed together do not come back together.
 *  https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { toMs, type Duration } from '../kernel/index.ts'
import { WebhookFailed } from './errors.ts'

export const SCHEDULE: readonly Duration[] = ['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h']

const LONGEST_MS = 86_400_000

/** For `retry` of a job. What the other side asks for with `retry-after` is kept, up to a day. */
export function pauses(schedule: readonly Duration[]) {
  return (error: unknown, attempt: number): number | 'stop' => {
    const { gone = false, retryAfterMs = 0 } = WebhookFailed.is(error) ? error.details : {}
    if (gone) return 'stop'
    const pause = schedule[Math.min(attempt, schedule.length) - 1] ?? 0
    return Math.round(Math.max(toMs(pause) * (0.9 + Math.random() * 0.2), Math.min(retryAfterMs, LONGEST_MS)))
  }
}

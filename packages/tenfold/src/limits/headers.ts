import { toMs } from '../kernel/index.ts'
import type { Decision, LimitWindow } from './limits.ts'

/** The windows of a limiter as clients are told of them. */
export interface Policy {
  readonly windows: readonly { name: string; max: number; seconds: number }[]
  /** `RateLimit-Policy`, the same for every request. */
  readonly text: string
}

/** @param name what the windows count by, such as `ip`: a word of letters, digits and `-` */
export function policyOf(name: string, windows: readonly LimitWindow[]): Policy {
  const named = windows.map(({ max, per }, index) => ({
    name: index === 0 ? name : `${name}-${index + 1}`,
    max,
    seconds: Math.max(1, Math.ceil(toMs(per) / 1000)),
  }))
  return { windows: named, text: named.map(({ name: of, max, seconds }) => `"${of}";q=${max};w=${seconds}`).join(', ') }
}

/** What a client is told of a decision, as pairs: `RateLimit-Policy` and `RateLimit` (IETF draft 10,
 *  https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers), and `Retry-After` when it was refused. */
export function headersOf({ windows, text }: Policy, decision: Decision): [name: string, value: string][] {
  const { name } = windows[decision.window]!
  const headers: [string, string][] = [
    ['ratelimit-policy', text],
    ['ratelimit', `"${name}";r=${decision.remaining};t=${toSeconds(decision.resetMs)}`],
  ]
  if (!decision.allowed) headers.push(['retry-after', String(retrySecondsOf(decision))])
  return headers
}

export function retrySecondsOf({ retryAfterMs }: Decision): number {
  return Math.max(1, toSeconds(retryAfterMs))
}

function toSeconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, Math.ceil(ms / 1000)) : 86_400
}

/** One request on the wire and what became of it. */
import { TenfoldError } from '../kernel/index.ts'
import type { Deadline } from './deadline.ts'
import { BodyTooLong, TooSlow, type WireReply } from './engine.ts'
import { OutboundDeadline, OutboundFailed, OutboundTimeout, OutboundTooLarge, type Called } from './errors.ts'

export type Outcome =
  | { kind: 'reply'; reply: WireReply }
  | {
      kind: 'failed'
      /** What the caller is told if nothing more is tried. */
      error: (attempts: number) => Error
      /** `never`: the other side did not get it, so that anything may be sent again. `final`: no other attempt would help. */
      reached: 'never' | 'perhaps' | 'final'
      /** What it says about the host. */
      verdict: 'bad' | 'neutral'
    }

export interface Timeouts {
  connectTimeoutMs: number
  timeoutMs: number
  bodyTimeoutMs: number
  maxBytes: number
  /** What is longer ends there, and does not fail. */
  cut: boolean
}

/** Before the request was written: refused, unknown, unreachable. */
const NEVER_REACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Less than this is no fair chance: a caller that has hardly any time left says nothing about the host. */
const FAIR_CHANCE_MS = 100

export function failureOf(
  thrown: unknown,
  called: Called,
  timeouts: Timeouts,
  deadline: Deadline,
  ranMs: number,
): Outcome {
  if (deadline.signal.aborted) {
    const { passed, ms, whose, signal } = deadline
    return {
      kind: 'failed',
      error: (attempts) =>
        passed ? OutboundDeadline({ ...called, ms: Math.round(ms), whose, attempts }) : (signal.reason as Error),
      reached: 'final',
      verdict: passed && ranMs >= FAIR_CHANCE_MS ? 'bad' : 'neutral',
    }
  }
  if (thrown instanceof TenfoldError)
    return { kind: 'failed', error: () => thrown, reached: 'final', verdict: 'neutral' }
  if (thrown instanceof BodyTooLong) {
    const error = OutboundTooLarge({ ...called, limit: timeouts.maxBytes })
    return { kind: 'failed', error: () => error, reached: 'final', verdict: 'neutral' }
  }
  const code = codeOf(thrown)
  const timeout = timeoutOf(thrown, code, timeouts)
  return {
    kind: 'failed',
    error: (attempts) =>
      timeout
        ? OutboundTimeout({ ...called, ...timeout, attempts }, { cause: thrown })
        : OutboundFailed({ ...called, reason: reasonOf(thrown, code), attempts }, { cause: thrown }),
    reached: NEVER_REACHED.has(code)
      ? 'never'
      : /^(?:ERR_TLS|CERT_|.*_CERT|UNABLE_TO_)/.test(code)
        ? 'final'
        : 'perhaps',
    verdict: 'bad',
  }
}

function timeoutOf(thrown: unknown, code: string, { connectTimeoutMs, timeoutMs, bodyTimeoutMs }: Timeouts) {
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { phase: 'connection', ms: connectTimeoutMs } as const
  if (!(thrown instanceof TooSlow)) return undefined
  return { phase: thrown.phase, ms: thrown.phase === 'headers' ? timeoutMs : bodyTimeoutMs }
}

/** Several addresses of one host fail together, as an AggregateError. */
function codeOf(thrown: unknown): string {
  const { code, errors } = thrown as { code?: string; errors?: { code?: string }[] }
  return code ?? errors?.[0]?.code ?? ''
}

function reasonOf(thrown: unknown, code: string): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return message || code || 'the connection failed'
}

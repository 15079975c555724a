/** What may be sent again, when, and how often. */

const SAFE_TWICE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

export function mayRepeat(method: string, { idempotent, idempotencyKey }: Repeatable): boolean {
  return idempotent ?? (idempotencyKey !== undefined || SAFE_TWICE.has(method))
}

interface Repeatable {
  idempotent?: boolean
  idempotencyKey?: string
}

export const RETRY_ON: readonly number[] = [408, 425, 429, 500, 502, 503, 504]

/** Full jitter: anything from 0 to the doubled base, so that those who failed together do not come back together.
 *  https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function pauseMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** (failures - 1))
}

/** What the other side asks for, in milliseconds: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number {
  if (header === undefined) return 0
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}

const MOST = 10

/** Repetitions that one host may cost: a share of what it is sent, and ten at once. Without a budget, retries multiply the
 *  load on a host at the very moment when it cannot carry it: https://sre.google/sre-book/handling-overload/ */
export class Budget {
  #tokens = MOST
  readonly #share: number

  constructor(share: number) {
    this.#share = share
  }

  earn(): void {
    this.#tokens = Math.min(this.#share < 1 ? MOST : MOST * 100, this.#tokens + this.#share)
  }

  spend(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

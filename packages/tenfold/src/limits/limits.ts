import type { Duration } from '../kernel/index.ts'

/** Rate limits decide whether one more request of somebody is allowed now. Who that somebody is, the caller says: `key`.
 *
 *  The rule is GCRA: after a quiet time `burst` requests may come at once; from then on one every `per / max`.
 *
 *  L1  A key is allowed `burst` costs at once and then `max` per `per`, however many processes ask (within 1 %).
 *  L2  With several windows a request is allowed only if all allow it, and counts in all of them or in none.
 *  L3  A refused request costs nothing: `retryAfterMs` later the same request is allowed, if nobody else of that key came.
 *  L4  A decision takes one round trip to the shared store; a key that is known to be over its limit is refused without.
 *  L5  Time is the store's: instances whose clocks differ still agree.
 *  L6  If the store fails or hangs, decisions are made within `timeout` as `whenAway` says, and after a few such failures
 *      at once, until the store answers again. `take` never rejects because of the store.
 *  L7  Any string is a key: of any length, with any characters. What the store keeps of it is bounded, and goes when
 *      the key is back at its full allowance.
 *  L8  A penalty counts in all windows whether or not they allow it: a key can so be far over its limit, on every instance,
 *      and is refused until that is made up for. */
export interface Limiter {
  readonly name: string
  readonly windows: readonly LimitWindow[]
  /** Counts one request, or decides that it must not happen.
   *  @param cost how many ordinary requests it stands for. Defaults to 1; more than the smallest burst is never allowed. */
  take(key: string, cost?: number): Promise<Decision>
  /** The same, at once where nothing has to be asked: for hot paths. */
  takeNow(key: string, cost?: number): Decision | Promise<Decision>
  /** Counts `cost` requests that nobody asked for, also beyond the limit: for a wrong password, or for what looks like a
   *  robot. With 5 in 15 minutes, a cost of 20 keeps the key out for an hour.
   *  @param cost Defaults to 1 */
  penalize(key: string, cost?: number): Promise<void>
  /** Gives a key its full allowance back, for instance after a correct password. Other instances that know it to be over
   *  its limit may go on refusing it for up to 30 s. */
  reset(key: string): Promise<void>
}

export interface LimitWindow {
  /** Requests per `per`. */
  max: number
  per: Duration
  /** How many may come at once after a quiet time. Defaults to `max`. */
  burst?: number
}

/** What is needed for the headers `RateLimit`, `RateLimit-Policy` and `Retry-After`: of the window that refuses for
 *  longest, or, when allowed, of the one with the least left. */
export interface Decision {
  allowed: boolean
  /** `max` of the window. */
  limit: number
  /** Requests of cost 1 that would be allowed right now. */
  remaining: number
  /** In ms. 0 when allowed; `Infinity` for a cost that can never be allowed. */
  retryAfterMs: number
  /** In ms, until the window would be back at its full allowance. */
  resetMs: number
  /** Which of the limiter's windows this is about. */
  window: number
  /** Who decided: the shared store, what this process knows already (L4), or this process for want of the store (L6). */
  by: 'store' | 'known' | 'away'
}

export interface LimiterOptions {
  /** Permanent and unique: `<module>.<name>` or the route. */
  name: string
  /** All of them must allow a request. At least one. */
  windows: readonly LimitWindow[]
  /** What to do when the store fails. `open`: this process counts on its own, so that a client gets at most the limit
   *  times the number of instances. `closed`: refuse, for what must never be tried too often, such as a password.
   *  Defaults to `open`. */
  whenAway?: 'open' | 'closed'
}

/** The limiters of one app instance. */
export interface Limits {
  /** Throws TF_LIMIT_WINDOW for windows that make no sense, and TF_LIMIT_NAME for a name that is malformed or taken. */
  define(options: LimiterOptions): Limiter
  close(): Promise<void>
}

/** Where the counts are: one folder per backend. */
export interface LimitStore {
  /** Decides and counts in one step. `key` is short printable ASCII text. */
  take(key: string, windows: readonly Pace[], cost: number): Verdict | Promise<Verdict>
  reset(key: string): void | Promise<void>
  close(): Promise<void>
}

/** A window in the terms of GCRA, all in milliseconds. */
export interface Pace {
  /** Between two requests at the steady rate. */
  interval: number
  /** How far ahead of the steady rate a key may be. */
  tolerance: number
}

export interface Verdict {
  allowed: boolean
  /** For each window, how far the key is now ahead of the steady rate, in ms: 0 is a full allowance. */
  ahead: number[]
}

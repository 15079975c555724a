import { createDeadline, messageOf } from '../kernel/index.ts'
import type { Clock, Deadline } from '../kernel/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { Breaker } from './breaker.ts'
import { waitOf } from './gcra.ts'
import type { Answer } from './limiter.ts'
import type { LimitStore, Pace, Verdict } from './limits.ts'
import { Generations } from './memory/generations.ts'
import { createMemoryStore } from './memory/store.ts'
import type { MemoryStore } from './memory/store.ts'

/** A store over the network, asked only when it has to be, and never waited for longer than `timeout`. */
export interface SharedStoreOptions {
  store: LimitStore
  clock: Clock
  log: Logger
  /** In ms; as a range, what fits how long answers usually take. */
  timeout: number | { least: number; most: number }
}

/** How long a refusal is repeated without asking the store again: bounds what `reset` on another instance can miss. */
const TRUST_MS = 30_000
const KNOWN_KEYS = 100_000
const FAILURES = 3

/** The last verdict about a key that was over its limit. Others can only have moved the key further ahead since then, so
 *  whatever these numbers refuse, the store would refuse too. */
interface Known {
  at: number
  ahead: number[]
}

export class SharedStore {
  readonly #options: SharedStoreOptions
  readonly #known = new Generations<Known>(KNOWN_KEYS)
  readonly #own: MemoryStore
  readonly #breaker: Breaker
  readonly #deadline: Deadline
  /** In ms. */
  readonly #grace: number

  constructor(options: SharedStoreOptions) {
    const { clock, log, timeout } = options
    this.#options = options
    this.#deadline = createDeadline(timeout, (ms) => new Error(`no answer within ${Math.round(ms)} ms`))
    this.#grace = 2 * (typeof timeout === 'number' ? timeout : timeout.most)
    this.#own = createMemoryStore(clock)
    const probe = (): Promise<boolean> =>
      this.#ask(PROBE_KEY, [{ interval: 1, tolerance: 1 }], 0).then(
        () => true,
        () => false,
      )
    this.#breaker = new Breaker({ clock, log, after: FAILURES, probe })
  }

  /** At once where the store need not be asked: a flood costs no promises either. */
  take(key: string, paces: readonly Pace[], cost: number, whenAway: 'open' | 'closed'): Answer | Promise<Answer> {
    const known = this.#refusal(key, paces, cost)
    if (known) return { by: 'known', verdict: known }
    // What passes is counted here too: a store that goes away leaves the count where it was, and one that comes back cannot
    // let this instance pass more than the limit. Counted from when we asked: a slow answer must not make it count for
    // longer than the store means it to.
    const askedAt = this.#options.clock.elapsed()
    const own = (grace = 0): Verdict => this.#own.take(key, paces, cost, askedAt, grace)
    if (this.#breaker.open) return withoutStore(own(), paces, whenAway)
    return this.#ask(key, paces, cost).then(
      (verdict): Answer => {
        this.#breaker.answered()
        if (!verdict.allowed) {
          this.#known.set(key, { at: askedAt, ahead: verdict.ahead })
          return { by: 'store', verdict }
        }
        this.#known.delete(key)
        // Answers come in another order than questions were asked, and the store counted somewhere between the two.
        const counted = own(this.#grace)
        return counted.allowed ? { by: 'store', verdict } : { by: 'away', verdict: counted }
      },
      (error: unknown) => {
        this.#breaker.failed(messageOf(error))
        return withoutStore(own(), paces, whenAway)
      },
    )
  }

  async reset(key: string): Promise<void> {
    this.#known.delete(key)
    void this.#own.reset(key)
    await this.#options.store.reset(key)
  }

  async close(): Promise<void> {
    await this.#breaker.close()
    this.#deadline.close()
    await this.#options.store.close()
  }

  #refusal(key: string, paces: readonly Pace[], cost: number): Verdict | undefined {
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    const passed = this.#options.clock.elapsed() - known.at
    if (passed > TRUST_MS) return undefined
    for (let i = 0; i < paces.length; i++) {
      if (waitOf(known.ahead[i]! - passed, paces[i]!, cost) === 0) continue
      return { allowed: false, ahead: known.ahead.map((ahead) => Math.max(0, ahead - passed)) }
    }
    return undefined
  }

  #ask(key: string, paces: readonly Pace[], cost: number): Promise<Verdict> {
    return this.#deadline.within(Promise.resolve(this.#options.store.take(key, paces, cost)))
  }
}

const PROBE_KEY = 'tenfold probe'

function withoutStore(own: Verdict, paces: readonly Pace[], whenAway: 'open' | 'closed'): Answer {
  if (whenAway === 'open') return { by: 'away', verdict: own }
  // As if the key had used all that it has: it may ask again after a steady interval.
  return { by: 'away', verdict: { allowed: false, ahead: paces.map((pace) => pace.tolerance) } }
}

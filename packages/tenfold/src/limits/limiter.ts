import { PLAIN } from './names.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { LimitCost, LimitName, LimitWindowInvalid } from './errors.ts'
import { decisionOf, paceOf } from './gcra.ts'
import type { Plan } from './gcra.ts'
import type { Decision, Limiter, LimiterOptions, Pace, Verdict } from './limits.ts'

/** How a limiter gets its verdicts: from memory at once, or from elsewhere. */
export interface Counter {
  take(key: string, paces: readonly Pace[], cost: number, whenAway: 'open' | 'closed'): Answer | Promise<Answer>
  reset(key: string): void | Promise<void>
}

export type Answer = { by: Decision['by']; verdict: Verdict }

/** What was decided since the start. */
interface Tally {
  allowed: number
  refused: number
  /** Of the refused, those that cost no round trip. */
  known: number
  /** Decided for want of the store. */
  away: number
}

/** The limiters of one app, by name, and what they decided. */
export class Limiters {
  readonly #tallies = new Map<string, Tally>()

  constructor({ metrics }: Telemetry) {
    const help =
      'Decisions of the rate limiters; `known` were refused without asking the store, `away` made for want of it.'
    const read = () =>
      [...this.#tallies].flatMap(([limiter, tally]) =>
        Object.entries(tally).map(([outcome, value]) => ({ value, labels: { limiter, outcome } })),
      )
    metrics.observe('tenfold.limit.decisions', { help, unit: '{decision}' }, read, 'counter')
  }

  define({ name, windows, whenAway = 'open' }: LimiterOptions, counter: Counter): Limiter {
    const plan = this.#planOf(name, windows)
    const tally: Tally = { allowed: 0, refused: 0, known: 0, away: 0 }
    this.#tallies.set(name, tally)

    const decide = ({ by, verdict }: Answer, cost: number): Decision => {
      if (verdict.allowed) tally.allowed++
      else tally.refused++
      if (by !== 'store') tally[by]++
      return decisionOf(verdict, plan, cost, by)
    }
    const takeNow = (key: string, cost = 1): Decision | Promise<Decision> => {
      if (!(cost > 0 && cost < Infinity)) return Promise.reject(LimitCost({ limiter: name, cost }))
      const answer = counter.take(key, plan.paces, cost, whenAway)
      return answer instanceof Promise ? answer.then((late) => decide(late, cost)) : decide(answer, cost)
    }
    return {
      name,
      windows,
      takeNow,
      // Not an async function: a decision in memory then costs one resolved promise.
      take(key, cost) {
        const decision = takeNow(key, cost)
        return decision instanceof Promise ? decision : Promise.resolve(decision)
      },
      async penalize(key, cost = 1) {
        if (!(cost > 0 && cost < Infinity)) throw LimitCost({ limiter: name, cost })
        await counter.take(key, plan.boundless, cost, 'open')
      },
      async reset(key) {
        await counter.reset(key)
      },
    }
  }

  #planOf(name: string, windows: LimiterOptions['windows']): Plan {
    if (!PLAIN.test(name) || this.#tallies.has(name)) throw LimitName({ name, taken: this.#tallies.has(name) })
    if (windows.length === 0) throw LimitWindowInvalid({ limiter: name, max: 0, burst: 0, per: '0' })
    const paces = windows.map((window) => paceOf(name, window))
    return { windows, paces, boundless: paces.map(({ interval }) => ({ interval, tolerance: BOUNDLESS_MS })) }
  }
}

/** Longer than anybody is kept out. */
const BOUNDLESS_MS = Number.MAX_SAFE_INTEGER

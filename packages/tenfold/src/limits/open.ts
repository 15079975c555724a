import { createHash } from 'node:crypto'
import { toMs } from '../kernel/index.ts'
import type { Clock, Duration } from '../kernel/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { LimitCost, LimitName, LimitWindowInvalid } from './errors.ts'
import { decisionOf, paceOf } from './gcra.ts'
import type { Decision, Limiter, LimiterOptions, Limits } from './limits.ts'
import { createMemoryStore } from './memory/store.ts'
import { openPostgresStore } from './postgres/store.ts'
import { SharedStore } from './shared.ts'

export interface LimitsOptions {
  telemetry: Telemetry
  clock: Clock
  /** Where all instances count together. Absent: this process counts alone, in memory. */
  db?: SystemDatabase
  /** How long a decision may wait for the database (L6). Defaults to 250 ms. */
  timeout?: Duration
}

/** Opens the rate limits of one app instance.
 *  @example
 *  const limits = openLimits({ db: database.system, telemetry, clock: systemClock })
 *  const orders = limits.define({ name: 'orders.place', windows: [{ max: 20, per: '1m' }, { max: 200, per: '1d' }] })
 *  const decision = await orders.take(user.id)
 *  if (!decision.allowed) reply.header('retry-after', Math.ceil(decision.retryAfterMs / 1000)) */
export function openLimits(options: LimitsOptions): Limits {
  const { telemetry, clock, db } = options
  const log = telemetry.log
  const limiters = new Map<string, Counted>()
  observe(telemetry, limiters)

  const shared =
    db &&
    new SharedStore({ store: openPostgresStore({ db, clock, log }), clock, log, timeout: toMs(options.timeout ?? 250) })
  const own = createMemoryStore(clock)

  return {
    define({ name, windows, whenAway = 'open' }: LimiterOptions): Limiter {
      if (limiters.has(name)) throw LimitName({ name })
      if (windows.length === 0) throw LimitWindowInvalid({ limiter: name, max: 0, burst: 0, per: '0' })
      const paces = windows.map((window) => paceOf(name, window))
      const counted: Counted = { allowed: 0, refused: 0, known: 0, away: 0 }
      limiters.set(name, counted)

      const decide = (by: Decision['by'], verdict: Parameters<typeof decisionOf>[0], cost: number): Decision => {
        if (verdict.allowed) counted.allowed++
        else counted.refused++
        if (by !== 'store') counted[by]++
        return decisionOf(verdict, windows, paces, cost, by)
      }
      return {
        name,
        windows,
        take(key, cost = 1) {
          if (!(cost > 0 && cost < Infinity)) return Promise.reject(LimitCost({ limiter: name, cost }))
          const text = textOf(name, key)
          if (!shared) return Promise.resolve(decide('store', own.take(text, paces, cost), cost))
          return shared.take(text, paces, cost, whenAway).then(({ by, verdict }) => decide(by, verdict, cost))
        },
        async reset(key) {
          await (shared ?? own).reset(textOf(name, key))
        },
      }
    },
    close: () => (shared ?? own).close(),
  }
}

interface Counted {
  allowed: number
  refused: number
  /** Of the refused, those that cost no round trip. */
  known: number
  /** Decided for want of the store. */
  away: number
}

const PLAIN = /^[\x20-\x7e]{1,200}$/

/** What a key is stored as: readable where that is possible, else a digest (L7). */
function textOf(name: string, key: string): string {
  const text = `${name}:${key}`
  return PLAIN.test(text) ? text : `${name.slice(0, 100)}:#${createHash('sha256').update(text).digest('base64url')}`
}

function observe({ metrics }: Telemetry, limiters: ReadonlyMap<string, Counted>): void {
  const help =
    'Decisions of the rate limiters; `known` were refused without asking the store, `away` made for want of it.'
  const read = () =>
    [...limiters].flatMap(([limiter, counted]) =>
      Object.entries(counted).map(([outcome, value]) => ({ value, labels: { limiter, outcome } })),
    )
  metrics.observe('tenfold.limit.decisions', { help, unit: '{decision}' }, read, 'counter')
}

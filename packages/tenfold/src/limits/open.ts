import { NEARBY, toMs } from '../kernel/index.ts'
import type { Clock, Duration } from '../kernel/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import type { Redis } from '../redis/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { Limiters } from './limiter.ts'
import type { Counter } from './limiter.ts'
import type { Limits } from './limits.ts'
import { createMemoryStore } from './memory/store.ts'
import { shortName, storedName } from './names.ts'
import { openPostgresStore } from './postgres/store.ts'
import { openRedisStore } from './redis/store.ts'
import { SharedStore } from './shared.ts'

export interface LimitsOptions {
  telemetry: Telemetry
  clock: Clock
  /** Where all instances count together. Absent: this process counts alone, in memory. */
  db?: SystemDatabase
  /** Counts there instead, under names that start with `prefix`. */
  redis?: { redis: Redis; prefix: string }
  /** How long a decision may wait for the store (L6). Defaults to 250 ms for the database, and for Redis to what answers
   *  usually take and four times their spread, but at least 20 and at most 100 ms. */
  timeout?: Duration
}

/** Opens the rate limits of one app instance.
 *  @example
 *  const limits = openLimits({ db: database.system, telemetry, clock: systemClock })
 *  const orders = limits.define({ name: 'orders.place', windows: [{ max: 20, per: '1m' }, { max: 200, per: '1d' }] })
 *  const decision = await orders.take(user.id)
 *  if (!decision.allowed) reply.header('retry-after', Math.ceil(decision.retryAfterMs / 1000)) */
export function openLimits(options: LimitsOptions): Limits {
  const { telemetry, clock } = options
  const limiters = new Limiters(telemetry)
  const shared = openShared(options)
  if (!shared) {
    return {
      define: (limiter) => limiters.define(limiter, inMemory(clock)),
      close: () => Promise.resolve(),
    }
  }
  return {
    define: (limiter) => limiters.define(limiter, inShared(shared, limiter.name)),
    close: () => shared.close(),
  }
}

function openShared({ telemetry, clock, db, redis, timeout }: LimitsOptions): SharedStore | undefined {
  const { log } = telemetry
  if (redis) {
    return new SharedStore({
      store: openRedisStore(redis),
      clock,
      log,
      timeout: timeout === undefined ? NEARBY : toMs(timeout),
    })
  }
  if (!db) return undefined
  return new SharedStore({ store: openPostgresStore({ db, log }), clock, log, timeout: toMs(timeout ?? 250) })
}

/** A store for each limiter: its keys need no prefix. */
function inMemory(clock: Clock): Counter {
  const store = createMemoryStore(clock)
  return {
    take: (key, paces, cost) => ({ by: 'store', verdict: store.take(shortName(key), paces, cost) }),
    reset: (key) => store.reset(shortName(key)),
  }
}

/** A tab is neither in a name nor in a key, so that no two limiters can mean the same row. */
function inShared(shared: SharedStore, name: string): Counter {
  return {
    take: (key, paces, cost, whenAway) => shared.take(`${name}\t${storedName(key)}`, paces, cost, whenAway),
    reset: (key) => shared.reset(`${name}\t${storedName(key)}`),
  }
}

import { systemClock, type Clock } from '../kernel/index.ts'
import type { Positions, SystemDatabase } from '../database/index.ts'
import { createCircuit, type Redis } from '../redis/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Caches } from './cache.ts'
import type { ChangeLine } from './change.ts'
import { createMemoryCaches } from './memory/caches.ts'
import { keepValuesIn, type KeyvValues } from './keyv/values.ts'
import { openPostgresLine } from './postgres/line.ts'
import { openPostgresTier } from './postgres/tier.ts'
import { openRedisTier } from './redis/tier.ts'
import type { Tier } from './shared/tier.ts'
import { SharedValues } from './shared/values.ts'

export interface CachesOptions {
  telemetry: Telemetry
  clock: Clock
  /** Through which the instances tell each other what is out of date. Absent: this process is the only one. */
  db?: SystemDatabase
  /** Where the instances share values and loads, under names that start with `prefix`. Absent: in the database, and only for
   *  caches that ask for it. */
  redis?: { redis: Redis; prefix: string }
  /** Where shared values are kept in place of the database: any Keyv will do. Not used with `redis`. */
  values?: KeyvValues
  /** How long an operation may wait for Redis, in ms. Defaults to what answers usually take and four times their spread, but at
   *  least 20 and at most 100. */
  redisTimeout?: number
  /** Where values may be loaded from replicas: keeps one that lacks a reader's own write from that reader. */
  positions?: Positions
  /** Room for all caches of this process together, estimated, in bytes. Defaults to 64 MiB.
   *  A value of more than an eighth of it is not kept. */
  maxBytes?: number
  /** Entries of all caches of this process together. Defaults to 100,000. */
  maxEntries?: number
  /** How often the line to the other instances is tried, in ms. Defaults to 15,000. */
  echoEvery?: number
}

/** Opens the caches of one app instance.
 *  @example
 *  const caches = await openCaches({ db: database.system, telemetry, clock: systemClock })
 *  const product = caches.define({ name: 'catalog.product', ttl: '5m', load: (id: string) => findProduct(id) })
 *  await product.get('42')                     // loads
 *  await product.get('42')                     // from memory
 *  await product.invalidate('42', { tx })      // after the commit, on every instance */
export async function openCaches(options: CachesOptions): Promise<Caches> {
  const { telemetry, clock, db, redis, maxBytes = 64 * 1024 * 1024, maxEntries = 100_000, positions } = options
  const { log } = telemetry
  const tier = openTier(options)
  const caches = createMemoryCaches({
    telemetry,
    clock,
    maxBytes,
    maxEntries,
    sharedByDefault: redis !== undefined || options.values !== undefined,
    ...(positions && { positions }),
    ...(tier && { values: new SharedValues({ tier, clock, log }) }),
  })
  if (!db) return caches.with(undefined)
  const echoEvery = options.echoEvery ?? 15_000
  const line: ChangeLine = await openPostgresLine(
    { db, clock, log, echoEvery, ...(positions && { position: () => positions.now() }) },
    caches,
  )
  return caches.with(line)
}

function openTier({
  redis,
  values,
  db,
  clock,
  telemetry: { log },
  redisTimeout: timeoutMs,
}: CachesOptions): Tier | undefined {
  if (redis) {
    const circuit = createCircuit({
      redis: redis.redis,
      clock: systemClock,
      log,
      what: 'caches',
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
    return openRedisTier({ circuit, prefix: redis.prefix })
  }
  const tier = db && openPostgresTier({ db, clock, log })
  return tier && values ? keepValuesIn(values, tier) : tier
}

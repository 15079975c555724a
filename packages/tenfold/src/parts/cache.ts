/** `tenfold/cache`: values that are loaded once and kept, in one process or on all instances. */
import {
  migrations,
  openCaches,
  type Cache as EngineCache,
  type CacheOptions,
  type CacheStats,
} from '../cache/index.ts'
import { groundIfAny, type Common, type OnPostgres } from './ground.ts'
import { withRedis } from './redis.ts'
import { createTransactions, type AnyTransaction, type Transactions } from './transaction.ts'

export type { CacheOptions, CacheStats } from '../cache/index.ts'

interface Room {
  /** For all caches of this process together, estimated, in bytes. Defaults to 64 MiB. */
  maxBytes?: number
  /** Entries of all caches of this process together. Defaults to 100,000. */
  maxEntries?: number
}

/** With Postgres (`url` or `database`) all instances tell each other what is out of date, and may share what was loaded. Redis
 *  carries what is shared instead; what changed still goes through Postgres, which does not forget. With neither, this process is
 *  the only one. */
export type OpenCacheOptions = Room &
  ((OnPostgres & { redisUrl?: string }) | (Common & { url?: never; database?: never; redisUrl?: never }))

export interface InvalidateOptions {
  /** Forgets after the commit, and not at all after a rollback: a client of `pg` that has run BEGIN, or a transaction of
   *  tenfold/database. With others, call it once the transaction has ended. */
  tx?: AnyTransaction
}

export interface Cache<Key, Value> extends Omit<
  EngineCache<Key, Value>,
  'set' | 'invalidate' | 'invalidateTag' | 'clear'
> {
  /** Puts a value in place of loading it, here; other instances forget theirs. */
  set(key: Key, value: Value, options?: InvalidateOptions): Promise<void>
  /** Forgets one value, at once here, and in a few milliseconds on every other instance. */
  invalidate(key: Key, options?: InvalidateOptions): Promise<void>
  /** Forgets the values that carry the tag. */
  invalidateTag(tag: string, options?: InvalidateOptions): Promise<void>
  clear(options?: InvalidateOptions): Promise<void>
}

export interface OpenedCache extends AsyncDisposable {
  /** @example
   *  const products = cache.define({ name: 'products', ttl: '5m', load: (id: string) => findProduct(id) })
   *  await products.get('42') */
  define<Key, Value>(options: CacheOptions<Key, Value>): Cache<Key, Value>
  /** In every cache, on every instance. */
  invalidateTag(tag: string, options?: InvalidateOptions): Promise<void>
  stats(): Record<string, CacheStats>
  close(): Promise<void>
}

/** @example
 *  const cache = await openCache()                                          // memory alone
 *  const cache = await openCache({ url: process.env.DATABASE_URL!, migrate: true }) */
export async function openCache(options: OpenCacheOptions = {}): Promise<OpenedCache> {
  const { maxBytes, maxEntries } = options
  const ground = await groundIfAny('cache', migrations, options)
  const { telemetry, clock } = ground
  const redis = await withRedis(options.redisUrl, ground)
  const positions = ground.database?.positions
  const caches = await openCaches({
    telemetry,
    clock,
    ...(ground.db && { db: ground.db }),
    ...(redis && { redis: redis.shared }),
    ...(positions && { positions }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(maxEntries !== undefined && { maxEntries }),
  })
  const transactions = createTransactions()
  const close = async (): Promise<void> => {
    await caches.close()
    await redis?.close()
    await ground.close()
  }
  return {
    define: <Key, Value>(cache: CacheOptions<Key, Value>) => joined(caches.define(cache), transactions),
    invalidateTag: async (tag, given) => caches.invalidateTag(tag, await within(transactions, given, 'invalidateTag')),
    stats: () => caches.stats(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function joined<Key, Value>(cache: EngineCache<Key, Value>, transactions: Transactions): Cache<Key, Value> {
  const { name } = cache
  return {
    name,
    get: (key) => cache.get(key),
    getMany: (keys) => cache.getMany(keys),
    peek: (key) => cache.peek(key),
    stats: () => cache.stats(),
    set: async (key, value, given) => cache.set(key, value, await within(transactions, given, `set of '${name}'`)),
    invalidate: async (key, given) =>
      cache.invalidate(key, await within(transactions, given, `invalidate of '${name}'`)),
    invalidateTag: async (tag, given) =>
      cache.invalidateTag(tag, await within(transactions, given, `invalidateTag of '${name}'`)),
    clear: async (given) => cache.clear(await within(transactions, given, `clear of '${name}'`)),
  }
}

async function within(
  transactions: Transactions,
  { tx }: InvalidateOptions = {},
  what: string,
): Promise<{ tx?: { afterCommit(fn: () => void): void } }> {
  return tx !== undefined ? { tx: { afterCommit: await transactions.afterCommit(tx, what) } } : {}
}

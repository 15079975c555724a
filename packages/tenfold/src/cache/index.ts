/** Ring 3: caches. A value that is dear to load is loaded once and kept for a while, on every instance. */
export type { Cache, CacheOptions, Caches, CacheStats, InvalidateOptions } from './cache.ts'
export { CacheClosed, CacheKey, CacheLoadTimeout, CacheName } from './errors.ts'
export type { KeyvValues } from './keyv/values.ts'
export { openCaches, type CachesOptions } from './open.ts'

/** The tables that instances share values in where there is no Redis. */
export const migrations = {
  module: 'tenfold.cache',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

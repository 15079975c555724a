import { defineError } from '../kernel/index.ts'

export const CacheName = defineError('TF_CACHE_NAME', {
  says: (e: { name: string; taken: boolean }) =>
    e.taken ? `There are two caches named '${e.name}'.` : `'${e.name}' is not a name for a cache.`,
  fix: "Give each cache a name of its own: '<module>.<name>' in lower case, with digits and hyphens, such as 'catalog.product'.",
})

export const CacheKey = defineError('TF_CACHE_KEY', {
  says: (e: { cache: string; type: string }) =>
    `A key of cache '${e.cache}' is ${e.type}, which does not tell entries apart.`,
  fix: 'Use strings, numbers, or plain objects of these as keys, or give the cache a `key` function that returns a string.',
})

export const CacheLoadTimeout = defineError('TF_CACHE_LOAD_TIMEOUT', {
  status: 503,
  says: (e: { cache: string; ms: number }) => `Loading a value of cache '${e.cache}' took longer than ${e.ms} ms.`,
  fix: 'Make the loader faster, pass its `signal` on so that it stops in time, or raise `loadTimeout`.',
})

export const CacheClosed = defineError('TF_CACHE_CLOSED', {
  status: 503,
  says: (e: { cache: string }) => `Cache '${e.cache}' was closed while a value was being loaded.`,
  fix: 'The app was stopping. Callers may try again on another instance.',
})

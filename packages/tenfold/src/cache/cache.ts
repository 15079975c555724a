import type { Duration } from '../kernel/index.ts'

/** A cache keeps what is dear to load, for a while: in this process, and if it is shared also where all instances find it.
 *
 *  C1   `get` gives the cached value or loads it; a value is served as fresh for at most `ttl`.
 *  C2   However many callers ask for one missing key, it is loaded once in this process, and all of them get that value.
 *       A shared cache loads it once for all instances, whoever of them asks, as long as what they share can be reached.
 *  C3   For `staleFor` after the ttl the old value is given at once while one load refreshes it; a refresh that fails
 *       leaves the old value in place until `staleFor` has passed.
 *  C4   A loader's error goes to the callers who waited for it and is not kept: the next `get` loads again.
 *  C5   After `invalidate`, `invalidateTag` or `clear`, no later `get` of this process sees a value whose load started
 *       before: a load that was under way gives its value to those who already wait, and is not stored.
 *  C6   Invalidations reach every other instance. Where messages may have been lost (the connection broke), the instance
 *       forgets everything; while it has no connection it keeps values for seconds only. Nothing is stale for ever.
 *  C7   With `{ tx }` an invalidation happens after the commit, here and elsewhere, and not at all after a rollback.
 *  C8   Entries and bytes stay within the limits; what is used often survives a scan over many keys used once.
 *  C9   A missing value (`undefined` or `null`) is kept only if `missingTtl` says so.
 *  C10  Values are shared by all callers, so plain objects and arrays are frozen, through and through: changing one
 *       throws instead of changing what the next caller gets.
 *  C11  With read replicas, nobody is given a value that lacks what they have written before it was loaded, and no load
 *       after an invalidation gets the old value from a replica that lags.
 *  C12  What instances share may be away, frozen, full or out of date: that costs a bounded delay and further loads, and
 *       never a failed or a wrong answer. */
export interface Cache<Key, Value> {
  readonly name: string
  /** The value, from memory or from `load`. */
  get(key: Key): Promise<Value>
  /** The values, in the order of the keys: what is shared is asked for in one round trip, and with `loadMany` what is missing
   *  is loaded together. Rejects if one of them cannot be loaded. */
  getMany(keys: readonly Key[]): Promise<Value[]>
  /** The fresh value that is in memory now, without loading; `undefined` when there is none. */
  peek(key: Key): Value | undefined
  /** Puts a value in place of loading it, here; other instances forget theirs. */
  set(key: Key, value: Value, options?: InvalidateOptions): Promise<void>
  /** What is known of this key is out of date. At once here; the promise resolves when the other instances were told
   *  (in a few milliseconds), or when telling them failed: it is then tried again until it succeeds. Never rejects. */
  invalidate(key: Key, options?: InvalidateOptions): Promise<void>
  /** As `invalidate`, for all entries of this cache that carry the tag. */
  invalidateTag(tag: string, options?: InvalidateOptions): Promise<void>
  /** As `invalidate`, for every entry of this cache. */
  clear(options?: InvalidateOptions): Promise<void>
  stats(): CacheStats
}

export interface InvalidateOptions {
  /** The open transaction that makes the cached value out of date. */
  tx?: { afterCommit(fn: () => void): void }
}

export interface CacheOptions<Key, Value> {
  /** Permanent and unique in the app: `<module>.<name>`, such as `catalog.product`. */
  name: string
  /** How long a value counts as fresh. At most this: each entry gets a little less, see `jitter`. */
  ttl: Duration
  /** How long after the ttl the old value may still be given while it is refreshed. Defaults to 0: never. */
  staleFor?: Duration
  /** How long `undefined` and `null` are kept. Defaults to 0: they are loaded again each time. */
  missingTtl?: Duration
  /** The share of the ttl that is taken off at random, so that entries stored together do not expire together.
   *  From 0 to 1. Defaults to 0.1. */
  jitter?: number
  /** How long a load may take before its callers get TF_CACHE_LOAD_TIMEOUT. Defaults to 30 s. `0` waits for ever. */
  loadTimeout?: Duration
  /** The tags of a value, for `invalidateTag`. */
  tags?(value: Value, key: Key): readonly string[]
  /** Gets the value from where it really is. `signal` aborts at `loadTimeout` and when the app stops.
   *  Runs outside of any transaction of the caller. */
  load(key: Key, signal: AbortSignal): Promise<Value> | Value
  /** Loads several values at once, in the order of the keys: `getMany` uses it for what is missing. */
  loadMany?(keys: readonly Key[], signal: AbortSignal): Promise<readonly Value[]> | readonly Value[]
  /** Whether instances share values and loads (C2). Defaults to true with Redis. Without it they share through Postgres, where
   *  looking costs as much as a cheap load: there it defaults to false, and pays for what takes 10 ms and more. */
  shared?: boolean
  /** Which form the values have: another one than that of a release before, and what it has shared is loaded anew. Defaults
   *  to ''. While both releases run, they take turns with the shared value; neither gets one of the other's form. */
  version?: string
  /** The text that tells keys apart. Defaults to the key itself for strings and numbers, and to its JSON (with sorted
   *  property names) for everything else. */
  key?(key: Key): string
  /** `false` leaves values as they are (C10): for values that are costly to walk and that nobody changes. */
  freeze?: boolean
}

export interface CacheStats {
  entries: number
  /** Estimated. */
  bytes: number
  hits: number
  /** Of the hits, those answered with an old value (C3). */
  staleHits: number
  misses: number
  loads: number
  loadErrors: number
  /** Values that another instance has loaded. */
  sharedHits: number
  /** Time spent in `load`, in total. */
  loadMs: number
  /** Time that `load` would have taken for all that it was not called for, estimated. */
  savedMs: number
  /** Entries that had to go for lack of room. */
  evictions: number
  /** Entries removed because they were out of date. */
  invalidations: number
}

/** The caches of one app instance: they share one budget of memory and one line to the other instances. */
export interface Caches {
  /** Throws TF_CACHE_NAME for a name that is malformed or taken. */
  define<Key, Value>(options: CacheOptions<Key, Value>): Cache<Key, Value>
  /** Every entry with this tag, in every cache of every instance. */
  invalidateTag(tag: string, options?: InvalidateOptions): Promise<void>
  stats(): Record<string, CacheStats>
  /** Stops listening and aborts the loads under way. */
  close(): Promise<void>
}

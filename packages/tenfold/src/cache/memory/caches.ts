import type { Positions } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Cache, CacheOptions, Caches, CacheStats, InvalidateOptions } from '../cache.ts'
import type { Change, ChangeLine, ChangeListener } from '../change.ts'
import { CacheName } from '../errors.ts'
import type { SharedValues } from '../shared/values.ts'
import { MemoryCache } from './cache.ts'
import type { Shared } from './cache.ts'
import { createFloor } from './floor.ts'
import { textOf } from './keys.ts'
import { EntryStore } from './store.ts'

/** How long a value counts as fresh while invalidations cannot be received (C6). */
const UNLINKED_TTL_MS = 5000

export interface MemoryCachesOptions {
  telemetry: Telemetry
  clock: Clock
  maxBytes: number
  maxEntries: number
  positions?: Positions
  values?: SharedValues
  sharedByDefault: boolean
}

/** The caches of this process, which listen to changes; `with` joins them to the line that carries these. */
export function createMemoryCaches(options: MemoryCachesOptions): ChangeListener & { with(line?: ChangeLine): Caches } {
  const { telemetry, clock } = options
  const caches = new Map<string, MemoryCache<never, unknown>>()
  const closing = new AbortController()
  const told = Promise.resolve()
  let line: ChangeLine | undefined

  const { positions, values, sharedByDefault } = options
  const floor = createFloor(positions)

  const shared: Shared = {
    store: new EntryStore(options),
    clock,
    telemetry,
    closed: closing.signal,
    loadSeconds: telemetry.metrics.histogram('tenfold.cache.load.duration', {
      help: 'How long it takes to load a value that is not cached.',
      unit: 's',
    }),
    positions,
    floor,
    values,
    sharedByDefault,
    tell(change) {
      floor.raise()
      if (!values) return line?.tell(change) ?? told
      // What is shared goes first: whoever is told looks there next.
      return values.drop(change).then((dropped) => line?.tell(dropped ? change : { ...change, kept: true }))
    },
    longestTtl: () => (line && !line.linked ? UNLINKED_TTL_MS : Infinity),
  }
  const all = (): MemoryCache<never, unknown>[] => [...caches.values()]
  const statsOfAll = (): Record<string, CacheStats> =>
    Object.fromEntries(all().map((cache) => [cache.name, cache.stats()]))
  observe(telemetry, statsOfAll)

  const onChange = (change: Change): void => {
    if (change.cache === '*') all().forEach((cache) => cache.apply(change))
    else caches.get(change.cache)?.apply(change)
  }
  const joined: Caches = {
    define<Key, Value>(cacheOptions: CacheOptions<Key, Value>): Cache<Key, Value> {
      const { name } = cacheOptions
      if (!NAME.test(name) || caches.has(name)) throw CacheName({ name, taken: caches.has(name) })
      const cache = new MemoryCache(cacheOptions, shared)
      caches.set(name, cache as unknown as MemoryCache<never, unknown>)
      return cache
    },
    invalidateTag(tag, { tx }: InvalidateOptions = {}) {
      const now = (): Promise<void> => {
        const change = { cache: '*', tag: textOf('*', tag) }
        onChange(change)
        return shared.tell(change)
      }
      if (!tx) return now()
      tx.afterCommit(() => void now())
      return told
    },
    stats: statsOfAll,
    async close() {
      closing.abort()
      await line?.close()
      await values?.close()
    },
  }
  return {
    onChange(change) {
      const { at, kept, ...plain } = change
      floor.raise(at)
      if (kept) values?.heardOfFailed(plain)
      onChange(plain)
    },
    onGap() {
      floor.raise()
      values?.onGap()
      all().forEach((cache) => cache.apply({ cache: cache.name }))
    },
    with(opened) {
      line = opened
      values?.start((change) => void line?.tell(change))
      return joined
    },
  }
}

const NAME = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/

function observe({ metrics }: Telemetry, read: () => Record<string, CacheStats>): void {
  const each = (pick: (stats: CacheStats) => number) => () =>
    Object.entries(read()).map(([cache, stats]) => ({ value: pick(stats), labels: { cache } }))
  const count = (name: string, help: string, pick: (stats: CacheStats) => number): void =>
    metrics.observe(`tenfold.cache.${name}`, { help, unit: '{operation}' }, each(pick), 'counter')
  count('hits', 'Values that were given from the cache.', (stats) => stats.hits)
  count('shared.hits', 'Values that another instance had loaded.', (stats) => stats.sharedHits)
  count('misses', 'Values that were not in the cache.', (stats) => stats.misses)
  count('loads', 'Values that were loaded.', (stats) => stats.loads)
  count('load.errors', 'Loads that failed.', (stats) => stats.loadErrors)
  count('evictions', 'Entries that had to go for lack of room.', (stats) => stats.evictions)
  metrics.observe(
    'tenfold.cache.bytes',
    { help: 'Estimated size of what is cached.', unit: 'By' },
    each((s) => s.bytes),
  )
}

/** Who is compared, and how each of them does the same work. */
import { openCaches } from '../../packages/tenfold/src/cache/index.ts'
import type { SystemDatabase } from '../../packages/tenfold/src/database/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openRedis } from '../../packages/tenfold/src/redis/index.ts'
import type { Telemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Peers } from '../../scripts/claims/index.ts'

/** Peers are installed apart, at the benchmark's first run: the type checker does not know them. */
type Untyped = ReturnType<JSON['parse']>

export const PEERS = {
  bentocache: '1.6.1',
  ioredis: '5.11.1',
  cacheable: '2.5.0',
  'cache-manager': '7.2.9',
  keyv: '5.6.0',
  '@keyv/redis': '5.1.6',
  'lru-cache': '11.5.3',
}

export type Load = (key: string) => Promise<unknown>

/** One instance of an app with one cache, as its documentation sets it up. */
export interface Instance {
  get(key: string): Promise<unknown>
  invalidate(key: string): Promise<unknown>
  close(): Promise<unknown>
}

export interface Setup {
  /** Absent: memory only. */
  redisUrl?: string
  load: Load
  /** So few entries that next to nothing is found in memory. */
  tiny?: boolean
}

export interface Kind {
  name: string
  open(setup: Setup): Promise<Instance>
}

const TTL_MS = 3_600_000
const MANY = 10_000
const FEW = 10

export function tenfold(name: string, telemetry: Telemetry, db: SystemDatabase, shares: 'redis' | 'postgres'): Kind {
  return {
    name,
    async open({ redisUrl, load, tiny }) {
      const redis = redisUrl && shares === 'redis' ? await openRedis({ url: redisUrl, telemetry }) : undefined
      const caches = await openCaches({
        telemetry,
        clock: systemClock,
        ...(redisUrl && { db }),
        ...(redis && { redis: { redis, prefix: 'bench' }, redisTimeout: 5000 }),
        ...(tiny && { maxEntries: FEW }),
      })
      const cache = caches.define<string, unknown>({
        name: 'bench.cache',
        ttl: TTL_MS,
        shared: redisUrl !== undefined,
        load,
      })
      return {
        get: (key) => cache.get(key),
        invalidate: (key) => cache.invalidate(key),
        async close() {
          await caches.close()
          await redis?.close()
        },
      }
    },
  }
}

export async function bentocache(peers: Peers): Promise<Kind> {
  const { BentoCache, bentostore } = await peers.load<Untyped>('bentocache')
  const { memoryDriver } = await peers.load<Untyped>('bentocache/drivers/memory')
  const { redisDriver, redisBusDriver } = await peers.load<Untyped>('bentocache/drivers/redis')
  return {
    name: 'bentocache',
    async open({ redisUrl, load, tiny }) {
      let store = bentostore().useL1Layer(memoryDriver({ maxItems: tiny ? FEW : MANY }))
      if (redisUrl) {
        const { hostname: host, port } = new URL(redisUrl)
        const connection = { host, port: Number(port) }
        store = store.useL2Layer(redisDriver({ connection })).useBus(redisBusDriver({ connection }))
      }
      const cache = new BentoCache({ default: 'multitier', stores: { multitier: store } })
      return {
        get: (key) => cache.getOrSet({ key, ttl: TTL_MS, factory: () => load(key) }),
        invalidate: (key) => cache.delete({ key }),
        close: () => cache.disconnect(),
      }
    },
  }
}

export async function cacheable(peers: Peers): Promise<Kind> {
  const { Cacheable, CacheableMemory } = await peers.load<Untyped>('cacheable')
  const { Keyv } = await peers.load<Untyped>('keyv')
  const { default: KeyvRedis } = await peers.load<Untyped>('@keyv/redis')
  return {
    name: 'cacheable',
    async open({ redisUrl, load, tiny }) {
      const primary = new Keyv({ store: new CacheableMemory({ lruSize: tiny ? FEW : MANY }) })
      const cache = new Cacheable({
        primary,
        ttl: TTL_MS,
        ...(redisUrl && { secondary: new Keyv(new KeyvRedis(redisUrl)) }),
      })
      return {
        get: (key) => cache.getOrSet(key, () => load(key), { ttl: TTL_MS }),
        invalidate: (key) => cache.delete(key),
        close: () => cache.disconnect(),
      }
    },
  }
}

export async function cacheManager(peers: Peers): Promise<Kind> {
  const { createCache } = await peers.load<Untyped>('cache-manager')
  const { CacheableMemory } = await peers.load<Untyped>('cacheable')
  const { Keyv } = await peers.load<Untyped>('keyv')
  const { default: KeyvRedis } = await peers.load<Untyped>('@keyv/redis')
  return {
    name: 'cache-manager',
    async open({ redisUrl, load, tiny }) {
      const memory = new Keyv({ store: new CacheableMemory({ lruSize: tiny ? FEW : MANY }) })
      const cache = createCache({
        ttl: TTL_MS,
        stores: [memory, ...(redisUrl ? [new Keyv(new KeyvRedis(redisUrl))] : [])],
      })
      return {
        get: (key) => cache.wrap(key, () => load(key), TTL_MS),
        invalidate: (key) => cache.del(key),
        close: () => cache.disconnect(),
      }
    },
  }
}

/** Who is compared, and how each of them makes the same decision: 1 of `max` requests in an hour, by key. */
import type { SystemDatabase } from '../../packages/tenfold/src/database/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openLimits } from '../../packages/tenfold/src/limits/index.ts'
import { openRedis } from '../../packages/tenfold/src/redis/index.ts'
import type { Telemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Peers } from '../../scripts/claims/index.ts'

/** Peers are installed apart, at the benchmark's first run: the type checker does not know them. */
type Untyped = ReturnType<JSON['parse']>

export const PEERS = {
  'rate-limiter-flexible': '11.4.0',
  '@fastify/rate-limit': '11.2.0',
  ioredis: '5.11.1',
  pg: '8.23.1',
}

export type Store = 'memory' | 'redis' | 'postgres'

/** A limiter of one instance. */
export interface Instance {
  /** Whether the request is allowed, as the limiter itself says it. */
  take(key: string): Promise<boolean | { allowed: boolean }>
  close(): Promise<unknown>
}

export interface Kind {
  name: string
  stores: readonly Store[]
  open(store: Store, name: string, max: number): Promise<Instance>
}

export interface Servers {
  redisUrl: string
  postgresUrl: string
  db: SystemDatabase
}

const HOUR_MS = 3_600_000

export function tenfold(telemetry: Telemetry, { redisUrl, db }: Servers): Kind {
  return {
    name: 'tenfold',
    stores: ['memory', 'redis', 'postgres'],
    async open(store, name, max) {
      const redis = store === 'redis' ? await openRedis({ url: redisUrl, telemetry }) : undefined
      // A store that is slow because it is measured is no reason to decide without it.
      const shared = { timeout: '30s' as const, ...(redis ? { redis: { redis, prefix: 'bench' } } : { db }) }
      const limits = openLimits({ telemetry, clock: systemClock, ...(store !== 'memory' && shared) })
      const limiter = limits.define({ name, windows: [{ max, per: '1h' }] })
      return {
        take: (key) => limiter.take(key),
        async close() {
          await limits.close()
          await redis?.close()
        },
      }
    },
  }
}

export async function rateLimiterFlexible(peers: Peers, { redisUrl, postgresUrl }: Servers): Promise<Kind> {
  const { RateLimiterMemory, RateLimiterRedis, RateLimiterPostgres } =
    await peers.load<Untyped>('rate-limiter-flexible')
  const { default: Redis } = await peers.load<Untyped>('ioredis')
  const { default: pg } = await peers.load<Untyped>('pg')
  return {
    name: 'rate-limiter-flexible',
    stores: ['memory', 'redis', 'postgres'],
    async open(store, name, max) {
      const options = { points: max, duration: HOUR_MS / 1000, keyPrefix: name }
      const client =
        store === 'redis'
          ? new Redis(redisUrl)
          : store === 'postgres'
            ? new pg.Pool({ connectionString: postgresUrl, max: 20 })
            : undefined
      const limiter = await new Promise<Untyped>((resolve, reject) => {
        if (store === 'memory') return resolve(new RateLimiterMemory(options))
        if (store === 'redis') return resolve(new RateLimiterRedis({ ...options, storeClient: client }))
        const made = new RateLimiterPostgres(
          { ...options, storeClient: client, tableName: 'flexible' },
          (error: Error | undefined) => (error ? reject(error) : resolve(made)),
        )
      })
      return {
        take: (key) =>
          limiter.consume(key).then(
            () => true,
            (refused: unknown) => {
              if (refused instanceof Error) throw refused
              return false
            },
          ),
        close: async () => (store === 'redis' ? client.quit() : client?.end()),
      }
    },
  }
}

/** Its stores, as the plugin calls them for each request. */
export async function fastifyRateLimit(peers: Peers, { redisUrl }: Servers): Promise<Kind> {
  const { default: LocalStore } = await peers.load<Untyped>('@fastify/rate-limit/store/LocalStore.js')
  const { default: RedisStore } = await peers.load<Untyped>('@fastify/rate-limit/store/RedisStore.js')
  const { default: Redis } = await peers.load<Untyped>('ioredis')
  return {
    name: '@fastify/rate-limit',
    stores: ['memory', 'redis'],
    async open(store, name, max) {
      const redis = store === 'redis' ? new Redis(redisUrl) : undefined
      const counts = redis ? new RedisStore(false, false, redis, `${name}-`) : new LocalStore(false, false, 100_000)
      return {
        take: (key) =>
          new Promise((resolve, reject) => {
            const done = (error: Error | null, answer: { current: number }): void =>
              error ? reject(error) : resolve(answer.current <= max)
            counts.incr(key, done, HOUR_MS, max)
          }),
        close: async () => redis?.quit(),
      }
    },
  }
}

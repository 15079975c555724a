import type { SystemDatabase } from '../database/index.ts'
import type { Redis } from '../redis/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { openBus } from './bus.ts'
import { memoryTransport } from './memory/memory.ts'
import { postgresTransport } from './postgres/postgres.ts'
import type { PubSub } from './pubsub.ts'
import { redisTransport } from './redis/redis.ts'

export interface PubSubOptions {
  telemetry: Pick<Telemetry, 'log'>
  /** Through this database. Absent, and without `redis`: within this process. */
  db?: SystemDatabase
  /** Through Redis instead, under names that start with `prefix`. */
  redis?: { redis: Redis; prefix: string }
}

/** @example
 *  const pubsub = openPubSub({ db: database.system, telemetry })
 *  await pubsub.subscribe('order:42', { onMessage: ({ data }) => show(data), onGap: () => reload() })
 *  await pubsub.publish('order:42', { status: 'paid' }) */
export function openPubSub({ telemetry, db, redis }: PubSubOptions): PubSub {
  if (redis) return openBus(telemetry, (arrivals) => redisTransport(arrivals, redis, telemetry))
  if (db) return openBus(telemetry, (arrivals) => postgresTransport(arrivals, db, telemetry))
  return openBus(telemetry, memoryTransport)
}

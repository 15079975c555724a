import { testDatabase } from '../../database/testing/index.ts'
import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openCaches } from '../index.ts'
import { describeCacheContract, ROOM } from '../testing/contract.ts'

describeCacheContract(
  'memory and redis',
  async (clock) => {
    const [database, server] = await Promise.all([
      testDatabase({ migrations: [migrations] }),
      startTestRedis({ appendfsync: 'no' }),
    ])
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const open = async () => {
      const redis = await openRedis({ url: server.url, telemetry, timeoutMs: 30_000 })
      const options = { db: database.system, redis: { redis, prefix: 'test' }, redisTimeout: 30_000 }
      const caches = await openCaches({ ...options, telemetry, clock, ...ROOM, echoEvery: 1e9 })
      return { caches, redis }
    }
    const [a, b] = await Promise.all([open(), open()])
    return {
      a: a.caches,
      b: b.caches,
      async breakLine() {
        await database.system.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`,
        )
      },
      async close() {
        await Promise.all([a.caches.close(), b.caches.close()])
        await Promise.all([a.redis.close(), b.redis.close(), server.stop()])
        await database.close()
      },
    }
  },
  { shared: true },
)

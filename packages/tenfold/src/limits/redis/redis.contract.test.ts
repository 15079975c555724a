import { systemClock } from '../../kernel/index.ts'
import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openLimits } from '../index.ts'
import { describeLimitsContract } from '../testing/contract.ts'

describeLimitsContract('redis, four instances', async () => {
  const server = await startTestRedis({ appendfsync: 'no' })
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const connections = await Promise.all(
    [1, 2, 3, 4].map(() => openRedis({ url: server.url, telemetry, timeoutMs: 30_000 })),
  )
  // A busy machine is no reason to decide without the store here.
  const instances = connections.map((redis) =>
    openLimits({ redis: { redis, prefix: 'test' }, telemetry, clock: systemClock, timeout: '30s' }),
  )
  return {
    instances,
    async close() {
      await Promise.all(instances.map((limits) => limits.close()))
      await Promise.all(connections.map((redis) => redis.close()))
      await server.stop()
    },
  }
})

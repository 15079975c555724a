import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openPubSub } from '../index.ts'
import { describePubSubContract } from '../testing/contract.ts'

describePubSubContract('redis, two instances', async () => {
  const server = await startTestRedis({ appendfsync: 'no' })
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const connections = await Promise.all([1, 2].map(() => openRedis({ url: server.url, telemetry, timeoutMs: 30_000 })))
  const instances = connections.map((redis) => openPubSub({ redis: { redis, prefix: 'test' }, telemetry }))
  return {
    instances,
    async interrupt() {
      await server.kill()
      await server.start()
    },
    async close() {
      await Promise.all(instances.map((pubsub) => pubsub.close()))
      await Promise.all(connections.map((redis) => redis.close()))
      await server.stop()
    },
  }
})

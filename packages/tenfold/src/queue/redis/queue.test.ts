import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { testDatabase } from '../../database/testing/index.ts'
import { openRedis, type Redis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openEngines, REDIS_CANNOT } from '../index.ts'
import { describeQueueContract, type QueueBackend } from '../testing/index.ts'

describeQueueContract('redis', openBackend, { cannot: REDIS_CANNOT })

async function openBackend(): Promise<QueueBackend> {
  const orders = { module: 'orders', schema: 'orders', directory: '/nowhere' }
  const { database, system, url, app, secretKey, roleMode, close } = await testDatabase({
    migrations: [migrations, orders],
    maxConnections: 20,
  })
  const server = await startTestRedis()
  const closers: (() => Promise<void>)[] = []
  const children: ChildProcess[] = []
  const fixture = fileURLToPath(new URL('./worker.fixture.ts', import.meta.url))
  const opened: { redis: Redis; queue: Awaited<ReturnType<typeof openEngines>> }[] = []
  const openOne = async (listen: boolean, options: { maxPayloadBytes?: number } = {}) => {
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const deaf = { ...system, listen: () => Promise.reject(new Error('no session here')) }
    const redis = await openRedis({ url: server.url, telemetry })
    const db = listen ? system : deaf
    const queue = await openEngines({ db, telemetry, redis, prefix: 'test', engineOf: () => 'redis', ...options })
    closers.push(async () => {
      await queue.close()
      await redis.close()
    })
    return { redis, queue }
  }
  // The suite opens queues without waiting: enough of them are opened ahead.
  for (let i = 0; i < 10; i++) opened.push(await openOne(true))
  const deaf = await openOne(false)
  return {
    open: ({ listen = true } = {}) => (listen ? opened.shift()! : deaf).queue,
    transaction: (fn) => database.module('orders').transaction(fn),
    async spawnWorker(options) {
      const args = JSON.stringify({ url, app, secretKey, roleMode, redisUrl: server.url, ...options })
      const child = spawn(process.execPath, [fixture, args], { stdio: ['pipe', 'pipe', 'inherit'] })
      children.push(child)
      await once(child.stdout, 'data')
      return child
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(closers.map((one) => one()))
      await server.stop()
      await close()
    },
  }
}

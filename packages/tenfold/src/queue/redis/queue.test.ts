import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { testDatabase } from '../../database/testing/index.ts'
import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { createEngines } from '../engines.ts'
import { migrations, REDIS_CANNOT } from '../index.ts'
import { loadBull } from './producer.ts'
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
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const deaf = { ...system, listen: () => Promise.reject(new Error('no session here')) }
  const redis = await openRedis({ url: server.url, telemetry })
  const bull = await loadBull()
  return {
    open({ listen = true, ...options } = {}) {
      const db = listen ? system : deaf
      const queue = createEngines(bull, { db, telemetry, redis, prefix: 'test', engineOf: () => 'redis', ...options })
      closers.push(() => queue.close())
      return queue
    },
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
      await redis.close()
      await server.stop()
      await close()
    },
  }
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { testDatabase, ways, type Via } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations } from '../index.ts'
import { describeQueueContract, type QueueBackend } from '../testing/index.ts'
import { openPostgresQueue, type PostgresQueue } from './queue.ts'

for (const via of ways()) describeQueueContract(`postgres, ${via}`, () => openBackend(via))

async function openBackend(via: Via): Promise<QueueBackend> {
  const orders = { module: 'orders', schema: 'orders', directory: '/nowhere' }
  const {
    database,
    system,
    url: directUrl,
    statementUrl: url,
    app,
    secretKey,
    roleMode,
    close,
  } = await testDatabase({
    via,
    migrations: [migrations, orders],
    maxConnections: 20,
  })
  const queues: PostgresQueue[] = []
  const children: ChildProcess[] = []
  const fixture = fileURLToPath(new URL('../testing/worker.fixture.ts', import.meta.url))
  return {
    open({ listen = true, ...options } = {}) {
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      const deaf = { ...system, listen: () => Promise.reject(new Error('no session here')) }
      const queue = openPostgresQueue({ db: listen ? system : deaf, telemetry, ...options })
      queues.push(queue)
      return queue
    },
    transaction: (fn) => database.module('orders').transaction(fn),
    async spawnWorker(options) {
      const child = spawn(
        process.execPath,
        [fixture, JSON.stringify({ url, directUrl, app, secretKey, roleMode, ...options })],
        {
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      )
      children.push(child)
      await once(child.stdout, 'data')
      return child
    },
    async close() {
      // A test that failed may have left some, paused ones among them.
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(queues.map((queue) => queue.close()))
      await close()
    },
  }
}

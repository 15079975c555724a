/** A worker on Redis in a process of its own, to be killed. Its one argument is JSON: where the servers are, and how to work. */
import { openDatabase, type RoleMode } from '../../database/index.ts'
import { openRedis } from '../../redis/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openEngines } from '../index.ts'

interface Arguments {
  url: string
  app: string
  secretKey: string
  roleMode: RoleMode
  redisUrl: string
  concurrency: number
  leaseMs: number
}

const { concurrency, leaseMs, redisUrl, ...database } = JSON.parse(process.argv[2]!) as Arguments
const say = (text: string): boolean => process.stdout.write(`${text}\n`)
const telemetry = createTelemetry({
  service: 'worker',
  env: 'test',
  level: 'error',
  destination: { write: (line) => void (String(line).includes('lost its lease') && say('lost')) },
})
const { system } = openDatabase({ ...database, telemetry })
const redis = await openRedis({ url: redisUrl, telemetry })
const queue = await openEngines({ db: system, telemetry, redis, prefix: 'test', engineOf: () => 'redis' })
const worker = queue.work({
  concurrency,
  leaseMs,
  handlers: new Map([
    [
      'test.sleep',
      async ({ id, payload }) => {
        const { ms, die } = payload as { ms: number; die?: boolean }
        say(`began ${id}`)
        if (die) process.kill(process.pid, 'SIGKILL')
        await new Promise((resolve) => setTimeout(resolve, ms))
      },
    ],
  ]),
})
await worker.start()
say('ready')
// Whoever started us is gone: so are we.
process.stdin.resume().on('end', () => process.exit())

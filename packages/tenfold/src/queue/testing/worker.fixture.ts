/** A worker in a process of its own, to be killed. Its one argument is JSON: what the database needs, and how to work. */
import { openDatabase, type RoleMode } from '../../database/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openQueue } from '../index.ts'

interface Arguments {
  url: string
  directUrl: string
  app: string
  secretKey: string
  roleMode: RoleMode
  concurrency: number
  leaseMs: number
}

const { concurrency, leaseMs, ...database } = JSON.parse(process.argv[2]!) as Arguments
const say = (text: string): boolean => process.stdout.write(`${text}\n`)
const telemetry = createTelemetry({
  service: 'worker',
  env: 'test',
  level: 'error',
  destination: { write: (line) => void (String(line).includes('lost its lease') && say('lost')) },
})
const { system } = openDatabase({ ...database, telemetry })
const worker = openQueue({ db: system, telemetry }).work({
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

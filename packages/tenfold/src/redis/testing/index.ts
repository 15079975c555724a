/** A real redis-server for tests, on a free port and in a folder of its own. It ends with this process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestRedis {
  readonly url: string
  readonly pid: number
  /** Forgets everything. */
  flush(): Promise<void>
  /** `kill -9`. What it had acknowledged is in its append-only file, but for the last so many bytes: a machine that fails
   *  takes with it what was not yet synced. */
  kill(lostBytes?: number): Promise<void>
  /** The same data on the same port. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface TestRedisOptions {
  /** Defaults to `everysec`; `no` writes no append-only file. */
  appendfsync?: 'always' | 'everysec' | 'no'
  /** Further lines of redis.conf. */
  settings?: Record<string, string>
}

/** @example
 *  const server = await startTestRedis()
 *  const redis = await openRedis({ url: server.url, telemetry })
 *  await server.stop() */
export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { appendfsync = 'everysec', settings = {} } = options
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-redis-'))
  const port = await freePort()
  const config: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: appendfsync === 'no' ? 'no' : 'yes',
    ...(appendfsync !== 'no' && { appendfsync }),
    'maxmemory-policy': 'noeviction',
    ...settings,
  }
  const args = Object.entries(config).flatMap(([key, value]) => [`--${key}`, value])
  let child: ChildProcess

  const start = async (): Promise<void> => {
    child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new Error(`redis-server cannot be started; \`bash scripts/setup\` installs it`, { cause: error })),
      )
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${said}`)))
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('Ready to accept connections')) resolve()
      })
    })
    child.unref()
    ;(child.stdout as unknown as { unref(): void }).unref()
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    child.ref()
    await ended
  }
  const last = (): void => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', last)
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid!
    },
    start,
    async flush() {
      const socket = connect(port, '127.0.0.1').end('FLUSHALL\r\n')
      const [said] = (await once(socket, 'data')) as [Buffer]
      if (String(said) !== '+OK\r\n') throw new Error(`FLUSHALL: ${String(said)}`)
    },
    async kill(lostBytes = 0) {
      await end('SIGKILL')
      if (lostBytes === 0) return
      const log = join(folder, 'appendonlydir')
      const last = join(
        log,
        readdirSync(log).findLast((name) => name.endsWith('.incr.aof'))!,
      )
      truncateSync(last, Math.max(0, statSync(last).size - lostBytes))
    },
    async stop() {
      await end('SIGTERM')
      process.off('exit', last)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

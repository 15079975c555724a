/** The database of the proof: embedded Postgres on disk, fsync on, that can be killed and comes back on the same port. */
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded, type EmbeddedPostgres } from '../../packages/tenfold/src/database/embedded/index.ts'
import { openDatabase, type Database } from '../../packages/tenfold/src/database/index.ts'
import { startTestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'

export interface Outage {
  from: number
  to: number
}

export interface KillableServer {
  readonly adminUrl: string
  readonly version: string
  /** kill -9 of the postmaster, as if the machine had failed; resolves when it takes connections again. */
  kill(): Promise<Outage>
  stop(): Promise<void>
}

export async function startKillableServer(): Promise<KillableServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-proof-'))
  const dataDir = join(folder, 'postgres')
  const start = (port: number): Promise<EmbeddedPostgres> => startEmbedded({ dataDir, database: 'proof', port })
  // Not one of those that the kernel gives to others while the server is away.
  const servers = [await start(randomInt(20_000, 30_000))]
  const { adminUrl, version, port } = servers[0]!
  return {
    adminUrl,
    version,
    async kill() {
      const from = Date.now()
      process.kill(servers.at(-1)!.pid, 'SIGKILL')
      await untilFree(port) // its sessions hold the port until they have noticed
      servers.push(await start(port))
      if (servers.at(-1)!.port !== port) throw new Error(`port ${port} was taken while the server was away`)
      return { from, to: Date.now() }
    },
    async stop() {
      for (const server of servers) await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Redis with its append-only file, `appendfsync everysec`. */
export async function startKillableRedis(): Promise<Pick<KillableServer, 'kill' | 'stop'> & { url: string }> {
  const redis = await startTestRedis()
  return {
    url: redis.url,
    stop: () => redis.stop(),
    async kill() {
      const from = Date.now()
      await redis.kill()
      await new Promise((resolve) => setTimeout(resolve, 300))
      await redis.start()
      return { from, to: Date.now() }
    },
  }
}

/** Looks at everything, as the server's administrator, and leaves no trace of its own. */
export function openAdmin(url: string): Database {
  const telemetry = createTelemetry({ service: 'proof', env: 'test', level: 'silent' })
  return openDatabase({ url, app: 'proof', secretKey: '', roleMode: 'shared', telemetry, maxConnections: 2 })
}

async function untilFree(port: number): Promise<void> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

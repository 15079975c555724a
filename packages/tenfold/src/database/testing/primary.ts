/** A real primary of its own, to be killed and started again: the server that all tests share must not be. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyNewCluster, startEmbedded, type EmbeddedPostgres } from '../embedded/index.ts'
import { temporaryFolder } from './folder.ts'
import { databaseUrl, endWithThisProcess, MOST_CONNECTIONS } from './server.ts'

export interface TestPrimary {
  /** Of an administrator; `databaseUrl(primary.adminUrl, name)` for another database. */
  readonly adminUrl: string
  readonly pid: number
  readonly version: string
  /** Ends the server at once, as if the machine had failed. */
  kill(): void
  /** Starts it again on the same port: what was committed is there. Does nothing while it runs. */
  start(): Promise<void>
  /** As an administrator restarts it: sessions are ended, nothing is replayed. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface TestPrimaryOptions {
  /** An empty folder for its files, on a small disk for example. Removed in the end. Defaults to a temporary one. */
  folder?: string
  /** Settings of postgresql.conf. */
  settings?: Record<string, string>
}

/** With fsync on. It does not outlive this process, however that ends.
 *  @example
 *  const primary = await startPrimary()
 *  primary.kill()
 *  await primary.start() */
export async function startPrimary(options: TestPrimaryOptions = {}): Promise<TestPrimary> {
  const folder = options.folder ?? temporaryFolder('primary')
  const dataDir = join(folder, 'postgres')
  const dismiss = endWithThisProcess(folder)
  await copyNewCluster(dataDir)
  const settings = { max_connections: MOST_CONNECTIONS, shared_buffers: '32MB', ...options.settings }
  const start = (port?: number): Promise<EmbeddedPostgres> =>
    startEmbedded({ dataDir, database: 'postgres', settings, ...(port !== undefined && { port }) })
  let server = await start()
  const { port, adminUrl, version } = server
  const startAgain = async (): Promise<void> => {
    server = await start(port)
    if (server.port !== port) throw new Error(`port ${port} was taken while the primary was away`)
  }
  return {
    adminUrl: databaseUrl(adminUrl, 'postgres'),
    version,
    get pid() {
      return server.pid
    },
    kill: () => void process.kill(server.pid, 'SIGKILL'),
    start: startAgain,
    async restart() {
      await server.stop()
      await startAgain()
    },
    async close() {
      await server.stop().catch(() => {})
      dismiss()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
    },
  }
}

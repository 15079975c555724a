/** The servers and the processes of the systems: all on one machine, each system with a database of its own. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import type { Peers as Installed } from '../../scripts/claims/index.ts'
import { BULLMQ, OURS } from './systems/index.ts'
import { prepareTenfold } from './systems/tenfold.ts'
import type { Answer, Order } from './side.program.ts'

export interface Side {
  readonly pid: number
  tell(order: Order): Promise<Answer>
  stop(): Promise<void>
}

export interface Stage {
  versions: Record<string, string>
  /** The process of the server that holds the jobs of this system. */
  serverOf(system: string): number
  open(system: string, options?: { quick?: boolean }): Promise<Side>
  /** Opens a snapshot beside the system, as a long report or a replica does; gives the way to end it. */
  hold(system: string): Promise<() => Promise<void>>
  /** Of a table of the system, with its indexes, in bytes. */
  sizeOf(system: string, table: string): Promise<number>
  stop(): Promise<void>
}

export async function setStage(systems: readonly string[], peers: Installed): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-bench-'))
  // fsync and synchronous_commit are on, as they are by default.
  const postgres = await startEmbedded({
    dataDir: join(folder, 'postgres'),
    database: 'bench_0',
    settings: { max_connections: '300' },
  })
  const redis = await startRedis()
  const { default: pg } = await peers.load<{ default: { Client: new (options: object) => Client } }>('pg')
  const urls = new Map<string, string>()
  const admin = new pg.Client({ connectionString: postgres.adminUrl })
  await admin.connect()
  for (const [i, system] of systems.entries()) {
    if (i > 0) await admin.query(`create database bench_${i}`)
    urls.set(system, postgres.adminUrl.replace(/bench_0$/, `bench_${i}`))
  }
  await admin.end()
  const prepared = await prepareTenfold(urls.get(OURS)!)
  const children = new Set<ChildProcess>()

  return {
    versions: { postgres: postgres.version, redis: redis.version },
    serverOf: (system) => (system === BULLMQ ? redis.pid : postgres.pid),
    async open(system, { quick = false } = {}) {
      const place = { url: urls.get(system)!, redisUrl: redis.url, quick, prepared, folder: peers.folder }
      const program = fileURLToPath(new URL('./side.program.ts', import.meta.url))
      const child = fork(program, [system, JSON.stringify(place)], {
        env: { PATH: process.env.PATH, NODE_ENV: 'production' },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      children.add(child)
      let settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
      child.on('message', (answer: Answer) =>
        answer.error ? settle?.reject(new Error(`${system}: ${answer.error}`)) : settle?.resolve(answer),
      )
      child.once('exit', () => settle?.reject(new Error(`the process of ${system} ended`)))
      const next = (): Promise<Answer> => new Promise((resolve, reject) => (settle = { resolve, reject }))
      await next()
      const tell = async (order: Order): Promise<Answer> => {
        const answer = next()
        child.send(order)
        return answer
      }
      return {
        pid: child.pid!,
        tell,
        async stop() {
          const ended = once(child, 'exit')
          // Its last answer may come after its end.
          await Promise.race([tell({ do: 'close' }).catch(() => {}), ended])
          await ended
          children.delete(child)
        },
      }
    },
    async hold(system) {
      const client = new pg.Client({ connectionString: urls.get(system)! })
      await client.connect()
      await client.query('begin isolation level repeatable read')
      await client.query('select pg_current_snapshot()')
      return () => client.end()
    },
    async sizeOf(system, table) {
      const client = new pg.Client({ connectionString: urls.get(system)! })
      await client.connect()
      const { rows } = await client.query(`select pg_total_relation_size('${table}')::float8 as bytes`)
      await client.end()
      return rows[0]!.bytes as number
    },
    async stop() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all([postgres.stop(), redis.stop()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Client {
  connect(): Promise<void>
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>
  end(): Promise<void>
}

/** Append-only file, written out once a second: what BullMQ's documentation recommends. */
async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-bench-redis-'))
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'yes', appendfsync: 'everysec' }
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)])
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error('redis-server is not installed: run `bash scripts/setup`', { cause: error })),
    )
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('Ready to accept connections')) resolve()
    })
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid!,
    version: `${/version=([\d.]+)/.exec(said)?.[1] ?? 'unknown'} (AOF everysec)`,
    async stop() {
      const ended = once(child, 'exit')
      child.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a scenario plays on: a database of its own, instances as processes, a partner, and load. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { migrate } from '../../packages/tenfold/src/database/index.ts'
import {
  createDatabase,
  createReplica,
  databaseUrl,
  dropDatabase,
  type TestReplica,
  type TestServer,
} from '../../packages/tenfold/src/database/testing/index.ts'
import type { Evidence } from '../../packages/tenfold/src/evidence/index.ts'
import { migrationsOf } from '../../packages/tenfold/src/app/migrations.ts'
import app from './app.ts'
import type { Load, LoadResult } from './load.program.ts'

const KEY = 'a secret key for the proof of the advisor'
export const PROMISED_MS = 150

export interface Instance {
  port: number
  ask<T>(message: object): Promise<T>
  stop(): Promise<void>
}

export interface Play {
  /** The server's address of this scenario's database. */
  url: string
  begin(options?: Begin): Promise<Instance>
  load(load: Omit<Load, 'port'>, port: number): Promise<LoadResult>
  /** Of all instances, from that time on. */
  gather(since: number): Promise<Evidence>
  /** A replica of the server, with this scenario's database. Before `begin`: the app reads from it. */
  replica(): Promise<TestReplica>
  /** Ended with the play. */
  defer(end: () => Promise<unknown> | void): void
}

interface Begin {
  roles?: ('web' | 'worker' | 'cron')[]
  pool?: number
  concurrency?: number
  /** The time that a statement is on its way, each way. */
  wayMs?: number
  nodeOptions?: string[]
}

export interface Stage {
  play<T>(fn: (play: Play) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export async function openStage(server: TestServer): Promise<Stage> {
  const template = `advised_template_${process.pid}`
  const url = await createDatabase(server, template)
  await migrate({ url, app: app.name, secretKey: KEY, sources: migrationsOf(app) })
  const partner = await startPartner()
  let plays = 0
  return {
    async play(fn) {
      const name = `advised_${process.pid}_${++plays}`
      await untilAlone(server)
      const database = await createDatabase(server, name, template)
      await using ends = new AsyncDisposableStack()
      ends.defer(() => dropDatabase(server, name))
      return await fn(playOn(server, { url: database, name }, partner.url, ends))
    },
    async close() {
      partner.server.close()
      partner.server.closeAllConnections()
      await dropDatabase(server, template)
    },
  }
}

/** Until what the last play left behind is gone. */
async function untilAlone({ adminUrl }: TestServer): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(300)) {
    const client = new pg.Client({ connectionString: adminUrl })
    const few = await client
      .connect()
      .then(() =>
        client.query<{ n: number }>("select count(*)::int as n from pg_stat_activity where datname like 'advised%'"),
      )
      .then(({ rows }) => rows[0]!.n === 0)
      .catch(() => false)
    await client.end().catch(() => {})
    if (few) return
  }
}

function playOn(
  server: TestServer,
  { url, name }: { url: string; name: string },
  partnerUrl: string,
  ends: AsyncDisposableStack,
): Play {
  const replicas: TestReplica[] = []
  const begun: Instance[] = []
  return {
    url,
    defer: (end) => ends.defer(async () => void (await end())),
    async begin({ roles = ['web'], pool = 20, concurrency = 10, wayMs = 0, nodeOptions = [] } = {}) {
      const through = wayMs > 0 ? await startDelay(url, wayMs, ends) : url
      const config = {
        advice: { p95: PROMISED_MS, every: 1000 },
        database: { connections: pool },
        worker: { concurrency },
        shedding: false,
      }
      const child = fork(new URL('./server.program.ts', import.meta.url), {
        execArgv: nodeOptions,
        env: {
          ...process.env,
          NODE_ENV: 'production',
          INSTANCE: JSON.stringify({ roles, config }),
          DATABASE_URL: through,
          DATABASE_DIRECT_URL: through,
          OUTSIDE_DATABASE_URL: url,
          PARTNER_URL: partnerUrl,
          SECRET_KEY: KEY,
          HOST: '127.0.0.1',
          TRUST_PROXY: '127.0.0.1',
          ...(replicas.length > 0 && {
            DATABASE_REPLICA_URLS: replicas.map(({ adminUrl }) => databaseUrl(adminUrl, name)).join(','),
          }),
          PORT: '0',
          SMTP_URL: 'smtp://127.0.0.1:9',
          LOG_LEVEL: 'fatal',
        },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      const instance = await joined(child)
      ends.defer(() => instance.stop())
      begun.push(instance)
      return instance
    },
    async replica() {
      const replica = await createReplica(server)
      ends.defer(() => replica.close())
      await replica.caughtUp()
      replicas.push(replica)
      return replica
    },
    load: (load, port) => generate({ ...load, port }),
    async gather(since) {
      await Promise.all(begun.slice(1).map((one) => one.ask({})))
      const { evidence } = await begun[0]!.ask<{ evidence: Evidence }>({ gather: since })
      return evidence
    },
  }
}

async function joined(child: ChildProcess): Promise<Instance> {
  const answer = <T>(): Promise<T> =>
    Promise.race([
      once(child, 'message').then(([message]) => message as T),
      once(child, 'exit').then(() => Promise.reject(new Error('the instance ended'))),
    ])
  const { url } = await answer<{ url: string }>()
  return {
    port: Number(url === '' ? 0 : new URL(url).port),
    ask(message) {
      const answered = answer()
      child.send(message)
      return answered as never
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await gone
      clearTimeout(timer)
    },
  }
}

async function generate(load: Load): Promise<LoadResult> {
  const child = spawn(process.execPath, [new URL('./load.program.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  child.stdin.write(`${JSON.stringify(load)}\n`)
  const [line] = (await once(lines, 'line')) as [string]
  child.stdin.end()
  await once(child, 'exit')
  return JSON.parse(line) as LoadResult
}

/** Somebody else's service, which takes its time. */
async function startPartner() {
  const server = createServer((_request, response) => void setTimeout(() => response.end('well'), 400))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** A network on which each packet takes `ms`. */
async function startDelay(to: string, ms: number, ends: AsyncDisposableStack): Promise<string> {
  const { hostname: host, port } = new URL(to)
  const server: Server = createTcpServer({ noDelay: true }, (near) => {
    const far = connect({ port: Number(port), host, noDelay: true })
    near.on('data', (chunk) => void setTimeout(() => far.destroyed || far.write(chunk), ms))
    far.on('data', (chunk) => void setTimeout(() => near.destroyed || near.write(chunk), ms))
    // What is still on its way arrives first.
    const close = (): void => void setTimeout(() => (near.destroy(), far.destroy()), 2 * ms + 5)
    for (const socket of [near, far]) socket.on('close', close).on('error', close)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.defer(() => void server.close())
  const near = new URL(to)
  near.port = String((server.address() as AddressInfo).port)
  return near.href
}

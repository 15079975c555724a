/** The machines of a topology, as processes that are tied to a core each. */
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { getPriority, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createReplica,
  databaseUrl,
  startPooler,
  type TestReplica,
} from '../../packages/tenfold/src/database/testing/index.ts'
import { startEmbedded, type EmbeddedPostgres } from '../../packages/tenfold/src/database/embedded/index.ts'

export interface Stand {
  database: EmbeddedPostgres
  replica(): Promise<TestReplica>
  start(options: { instances: number; pool: number; replica?: boolean; pooler?: number }): Promise<Running>
  stop(): Promise<void>
}

export interface Running {
  urls: string[]
  pids: number[]
  /** Of their statements, since the last time: seconds of one, on average, and the share that a replica answered. */
  statements(): Promise<{ seconds: number; onReplica: number }>
  stop(): Promise<void>
}

export const pinned = spawnSync('taskset', ['-V']).status === 0

/** The most that there is: where others have ten sessions, they still get a tenth. */
const FIRST = -20

/** Lets this process and all that it starts go before others, where that is allowed: what else the machine does is no part of
 *  a topology. Where Linux weighs sessions before processes (autogroups), the session has to be raised, too. */
export function goFirst(): { allowed: boolean; end(): void } {
  try {
    setPriority(FIRST)
    raiseSession('self', FIRST)
    return { allowed: true, end: () => raiseSession('self', 0) }
  } catch {
    return { allowed: false, end: () => {} }
  }
}

function raiseSession(pid: number | 'self', nice: number): void {
  const file = `/proc/${pid}/autogroup`
  if (existsSync(file)) writeFileSync(file, String(nice))
}

/** Each backend of Postgres begins a session of its own: they are raised as they come. */
function keepRaised(postmasters: () => number[]): NodeJS.Timeout {
  const raise = (): void => {
    if (getPriority() >= 0) return
    for (const pid of postmasters()) {
      try {
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
        for (const child of children) if (child !== '') raiseSession(Number(child), FIRST)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  return setInterval(raise, 200).unref()
}

/** Seconds that these processes could have run and did not, since another one had their core. */
export function waitedForCore(pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[1])
    }
  }
  return nanoseconds / 1e9
}

/** Ties a process and what it starts to a core. A server in a session of its own is raised like us. */
export function place(pid: number, core: number): void {
  if (pinned) spawnSync('taskset', ['-acp', String(core), String(pid)])
  if (getPriority() < 0) raiseSession(pid, FIRST)
}

export async function startStand(): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-plan-'))
  const database = await startEmbedded({ dataDir: join(folder, 'postgres'), database: 'proof' })
  place(database.pid, 1)
  let copy: TestReplica | undefined
  const replica = async (): Promise<TestReplica> => {
    copy ??= await createReplica(database)
    place(copy.pid, 1)
    return copy
  }
  const url = database.adminUrl
  // The load comes from the database's core: a query there takes less than a request elsewhere.
  place(process.pid, 1)
  const raising = keepRaised(() => [database.pid, ...(copy ? [copy.pid] : [])])

  return {
    database,
    replica,
    async start({ instances, pool, replica: withReplica = false, pooler: poolSize }) {
      const pooler = poolSize === undefined ? undefined : await startPooler(database, { poolSize })
      const replicas = withReplica ? databaseUrl((await replica()).adminUrl, 'proof') : undefined
      const all = await Promise.all(
        Array.from({ length: instances }, (_, i) =>
          startInstance(i, { url: pooler?.urlOf(url) ?? url, direct: url, pool, ...(replicas && { replicas }) }),
        ),
      )
      return {
        urls: all.map((one) => one.url),
        pids: all.map(({ pid }) => pid),
        async statements() {
          const told = await Promise.all(all.map((one) => one.tell()))
          const sum = (of: keyof Told): number => told.reduce((total, one) => total + one[of], 0)
          const count = Math.max(1, sum('count'))
          return { seconds: sum('seconds') / count, onReplica: sum('onReplica') / count }
        },
        async stop() {
          await Promise.all(all.map((one) => one.stop()))
          await pooler?.close()
        },
      }
    },
    async stop() {
      clearInterval(raising)
      await copy?.close()
      await database.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Told {
  seconds: number
  count: number
  onReplica: number
}

interface Place {
  url: string
  /** Past the pooler, where there is one. */
  direct: string
  pool: number
  replicas?: string
}

async function startInstance(index: number, { url, direct, pool, replicas }: Place) {
  const child = fork(fileURLToPath(new URL('./instance.program.ts', import.meta.url)), {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      LOG_LEVEL: 'fatal',
      PORT: '0',
      HOST: '127.0.0.1',
      SECRET_KEY: 'of a proof, and of nothing else besides',
      DATABASE_URL: url,
      DATABASE_DIRECT_URL: direct,
      POOL: String(pool),
      ...(replicas !== undefined && { DATABASE_REPLICA_URLS: replicas }),
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const first = await Promise.race([once(child, 'message'), ended.then(() => undefined)])
  if (!first) throw new Error('an instance ended before it listened')
  place(child.pid!, index % 2)
  return {
    url: (first[0] as { url: string }).url,
    pid: child.pid!,
    async tell() {
      child.send('tell')
      const [told] = await once(child, 'message')
      return told as Told
    },
    async stop() {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}

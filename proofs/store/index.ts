/** What storing telemetry costs the database: the time of its statements by Postgres' own count, of the CPU time that all processes
 *  of the server used meanwhile. The app's statements are the cheapest there are, some 17 µs each, so that more of the rest is
 *  what comes with a statement: it is parsed, planned and answered. */
import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import { cpuOf } from '../../bench/jobs/cpu.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'

const RATE = 500
const MOST = 0.02

export default {
  name: 'store',
  about: 'storing telemetry takes less than 2 % of the time of the database, at 500 requests a second',
  options: {
    seconds: 'how long requests are sent; 120 unless --quick, then 40',
    statements: '`yes`: which statements that time goes to',
  },
  run,
} satisfies Claims

async function run({ quick, set, log }: ClaimsOptions): Promise<Report> {
  const seconds = Number(set.seconds ?? (quick ? 40 : 120))
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-store-'))
  const server = await startEmbedded({ dataDir: join(folder, 'postgres'), database: 'proof' })
  const client = new pg.Client({ connectionString: server.adminUrl })
  await client.connect()
  await client.query('create extension if not exists pg_stat_statements')
  const instance = fork(join(import.meta.dirname, 'instance.program.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      SECRET_KEY: 'only for this proof, and nothing else',
      DATABASE_URL: server.adminUrl,
      PORT: '0',
      HOST: '127.0.0.1',
    },
  })
  try {
    const url = await new Promise<string>((resolve, reject) => {
      instance.once('message', (message) => resolve(message as string))
      instance.once('exit', (code) => reject(new Error(`the app ended with ${code}`)))
    })
    await send(url, 5)
    await client.query('select pg_stat_statements_reset()')
    const before = cpuOf(server.pid)
    log(`${RATE} requests a second for ${seconds} seconds`)
    const sent = await send(url, seconds)
    const cpu = cpuOf(server.pid) - before
    const { rows } = await client.query<{ what: string; ms: number; calls: number }>(SHARES)
    if (set.statements) for (const line of await statementsOf(client, seconds)) log(line)
    const all = rows.reduce((sum, { ms }) => sum + ms, 0)
    const telemetry = rows.find(({ what }) => what === 'telemetry')?.ms ?? 0
    return {
      claims: [
        {
          claim: `of the CPU time of the database, what storing telemetry takes, at ${(sent.answered / seconds).toFixed(0)} requests a second`,
          goal: `less than ${MOST * 100} %, of ${RATE} a second, none failed`,
          value: `${((100 * telemetry) / cpu).toFixed(2)} % of ${(cpu / seconds).toFixed(0)} ms a second, ${sent.failed} failed`,
          holds: telemetry > 0 && telemetry < MOST * cpu && sent.answered / seconds > RATE * 0.95 && sent.failed === 0,
        },
      ],
      rows: rows.map(({ what, ms, calls }) => ({
        'time of the database for': what,
        'ms a second': (ms / seconds).toFixed(2),
        statements: String(calls),
        'of all statements': `${((100 * ms) / all).toFixed(1)} %`,
      })),
    }
  } finally {
    if (instance.exitCode === null) {
      instance.disconnect()
      await new Promise((resolve) => instance.once('exit', resolve))
    }
    await client.end()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Planning is no part of it: `pg_stat_statements.track_planning` is off by default, for the app's statements as for ours. */
const SHARES = `
  select case when query ~ 'tenfold\\.telemetry_|telemetry_(make|drop|roll|forget)' then 'telemetry'
              when query ~ 'tenfold\\.evidence_|pg_stat_' then 'evidence'
              when query ~ 'alert' then 'alerts'
              when query ~ '"item"|"visit"|items\\.' then 'the app'
              else 'queue, crons, the rest' end as what,
         sum(total_exec_time)::float8 as ms, sum(calls)::int as calls
    from pg_stat_statements where query !~ 'pg_stat_statements_reset'
   group by 1 order by 2 desc`

async function statementsOf(client: pg.Client, seconds: number): Promise<string[]> {
  const { rows } = await client.query<{ ms: number; calls: number; query: string }>(
    `select total_exec_time::float8 as ms, calls::int, regexp_replace(query, '\\s+', ' ', 'g') as query
       from pg_stat_statements order by 1 desc limit 25`,
  )
  return rows.map(({ ms, calls, query }) => `${(ms / seconds).toFixed(2)} ms/s, ${calls} x: ${query.slice(0, 150)}`)
}

/** As users come: by a timetable, whether those before were answered or not. */
async function send(url: string, seconds: number): Promise<{ answered: number; failed: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const counts = { answered: 0, failed: 0 }
  const open = new Set<Promise<void>>()
  const started = performance.now()
  for (let n = 0; n < RATE * seconds; n++) {
    const wait = started + (n * 1000) / RATE - performance.now()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    const one = look(agent, `${url}/items/${1 + ((n * 7919) % 100_000)}`).then((good) => {
      counts[good ? 'answered' : 'failed']++
      open.delete(one)
    })
    open.add(one)
  }
  await Promise.all(open)
  agent.destroy()
  return counts
}

function look(agent: Agent, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => response.resume().on('end', () => resolve(response.statusCode === 200))).on(
      'error',
      () => resolve(false),
    )
  })
}

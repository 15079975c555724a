/** Questions of product analytics on ten million events, beside the same questions on one wide table with JSON; and how many
 *  events a second get in. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { app } from '../../packages/tenfold/src/app/index.ts'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import type { Claim, Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { DAYS, fill, PLAIN } from './data.ts'

export default {
  name: 'analytics',
  about:
    'funnel, retention and daily people on 10 million events, beside a wide JSON table; events in a second over HTTP',
  options: {
    events: 'how many; 10000000 unless --quick, then 500000',
    rounds: 'of each question; 5',
    columns: '`duckdb`: the funnel out of a copy by columns, which is made first',
  },
  run,
} satisfies Claims

const SECOND = 2000
const INGEST = 30_000

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const events = Number(set.events ?? (quick ? 500_000 : 10_000_000))
  const rounds = Number(set.rounds ?? 5)
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-analytics-'))
  // What a server of 8 GB or so would have; everything else as Postgres has it, durability included.
  const settings = { shared_buffers: '2GB', work_mem: '64MB', effective_cache_size: '6GB', max_wal_size: '4GB' }
  const server = await startEmbedded({ dataDir: join(folder, 'postgres'), database: 'bench', settings })
  const variables = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'error',
    SECRET_KEY: 'only for this benchmark, nothing else',
    DATABASE_URL: server.adminUrl,
    PORT: '0',
    HOST: '127.0.0.1',
    ...(set.columns === 'duckdb' && { ANALYTICS_COLUMNS: `duckdb:${join(folder, 'events.duckdb')}` }),
  }
  const bench = app({ name: 'bench', modules: [] })
  const instance = await bench.start({
    roles: ['web'],
    migrate: true,
    variables,
    config: { analytics: { browser: { perMinute: 1e9 } }, shedding: false },
  })
  const client = new pg.Client({ connectionString: server.adminUrl })
  await client.connect()
  try {
    await fill(client, events, log)
    await client.query("set search_path = tenfold; set work_mem = '64MB'; set timezone = 'UTC'")
    const { analytics } = instance
    const month = range(29)
    const steps = ['signed_up', 'add_to_cart', 'purchase'].map((event) => ({ event }))
    const questions: Question[] = [
      {
        name: 'funnel of 3 steps, 30 days',
        ours: async () => (await analytics.funnel({ ...month, steps })).steps.map(({ count }) => count),
        plain: async () =>
          Object.values((await client.query<object>(PLAIN.funnel, [month.from, month.to])).rows[0]!).map(Number),
      },
      {
        name: 'weekly retention, 12 weeks',
        ours: async () => sum((await analytics.retention({ ...weeks(12), by: 'week', cohort: 'first' })).cohorts),
        plain: async () => sumPlain((await client.query(PLAIN.retention, [weeks(12).from, weeks(12).to])).rows),
      },
      {
        name: 'people a day, 90 days',
        ours: async () =>
          (await analytics.activity({ ...range(DAYS - 1), of: ['daily'] })).daily.reduce((all, n) => all + n, 0),
        plain: async () =>
          (
            await client.query<{ count: string }>(PLAIN.activity, [range(DAYS - 1).from, range(DAYS - 1).to])
          ).rows.reduce((all, { count }) => all + Number(count), 0),
      },
    ]
    const times = questions.map(() => ({ ours: [] as number[], plain: [] as number[] }))
    for (let round = -1; round < rounds; round++) {
      for (const [q, { name, ours, plain }] of questions.entries()) {
        if (signal.aborted) throw signal.reason
        log(round < 0 ? `warming up: ${name}` : `round ${round + 1} of ${rounds}: ${name}`)
        const [a, b] = [await timed(ours), await timed(plain)]
        if (round < 0 && q === 0 && set.columns) log(`copied and asked within ${a.ms.toFixed(0)} ms`)
        if (round < 0) agree(name, a.value, b.value)
        else {
          times[q]!.ours.push(a.ms)
          times[q]!.plain.push(b.ms)
        }
      }
    }
    log('events over HTTP')
    const ingest = await send(`${instance.url}/_e`, quick ? 3 : 10)
    return report(questions, times, ingest, events, await sizes(client))
  } finally {
    await client.end()
    await instance.stop()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Question {
  name: string
  ours(): Promise<unknown>
  plain(): Promise<unknown>
}

interface Ingest {
  perSecond: number
  wrong: number
}

async function send(url: string, seconds: number): Promise<Ingest> {
  const program = new URL('send.program.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [program, url, String(seconds), '200', '8'])
  const { events, ms, wrong } = JSON.parse(stdout) as { events: number; ms: number; wrong: number }
  return { perSecond: events / (ms / 1000), wrong }
}

/** A comparison of things that do not say the same is none. */
function agree(name: string, ours: unknown, plain: unknown): void {
  if (JSON.stringify(ours) !== JSON.stringify(plain)) {
    throw new Error(`${name}: tenfold says ${JSON.stringify(ours)}, the wide table ${JSON.stringify(plain)}`)
  }
}

async function timed(run: () => Promise<unknown>): Promise<{ ms: number; value: unknown }> {
  const started = performance.now()
  const value = await run()
  return { ms: performance.now() - started, value }
}

function range(days: number, end = 1): { from: string; to: string } {
  const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
  return { from: day(days + end), to: day(end) }
}

/** Whole weeks, the last of which is over. */
function weeks(count: number): { from: string; to: string } {
  const sinceMonday = (new Date().getUTCDay() + 6) % 7
  return range(count * 7 - 1, sinceMonday + 1)
}

function sum(cohorts: readonly { size: number; cells: readonly { count: number }[] }[]): number[] {
  return [
    cohorts.reduce((all, { size }) => all + size, 0),
    cohorts.flatMap(({ cells }) => cells).reduce((all, { count }) => all + count, 0),
  ]
}

function sumPlain(rows: readonly { after: number; count: string }[]): number[] {
  const of = (keep: (after: number) => boolean): number =>
    rows.filter(({ after }) => keep(after)).reduce((all, { count }) => all + Number(count), 0)
  return [of((after) => after === 0), of((after) => after > 0)]
}

async function sizes(client: pg.Client): Promise<{ ours: string; plain: string }> {
  const { rows } = await client.query<{ ours: string; plain: string }>(
    `select pg_size_pretty((select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'tenfold.analytics_event'::regclass)
              + pg_total_relation_size('tenfold.analytics_person_day')) as ours,
            pg_size_pretty(pg_total_relation_size('tenfold.plain_event')) as plain`,
  )
  return rows[0]!
}

function report(
  questions: readonly Question[],
  times: readonly { ours: number[]; plain: number[] }[],
  ingest: Ingest,
  events: number,
  size: { ours: string; plain: string },
): Report {
  const claims: Claim[] = questions.map(({ name }, q) => {
    const value = median(times[q]!.ours)
    return {
      claim: `${name}, of ${events} events`,
      goal: `within ${SECOND} ms`,
      value: `${value.toFixed(0)} ms`,
      holds: value <= SECOND,
    }
  })
  claims.push({
    claim: 'events over HTTP, stored before the answer',
    goal: `at least ${INGEST} a second, none refused`,
    value: `${ingest.perSecond.toFixed(0)} a second, ${ingest.wrong} batches refused`,
    holds: ingest.perSecond >= INGEST && ingest.wrong === 0,
  })
  return {
    claims,
    rows: [
      ...questions.map(({ name }, q) => {
        const { ours, plain } = times[q]!
        const ratio = median(plain.map((ms, i) => ms / ours[i]!))
        return {
          question: name,
          tenfold: `${median(ours).toFixed(0)} ms`,
          'wide JSON table': `${median(plain).toFixed(0)} ms`,
          ratio: `${ratio.toFixed(1)} x`,
        }
      }),
      { question: 'on disk, with indexes', tenfold: size.ours, 'wide JSON table': size.plain, ratio: '' },
    ],
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

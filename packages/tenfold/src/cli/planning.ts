/** Where a plan's numbers come from: the telemetry store, a load run, or a file. */
import { readFileSync } from 'node:fs'
import { connect } from '../app/index.ts'
import { jobNameOf } from '../cron/index.ts'
import { queryStatements, type Sql } from '../database/index.ts'
import { readDemand, type RecordedDemand } from '../inspect/index.ts'
import { messageOf, systemClock } from '../kernel/index.ts'
import { findResult, type LoadResult } from '../load/index.ts'
import { DEFAULT_PRICES, demandsFrom, type Demands, type Prices, type Seen, type Settings } from '../plan/index.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { BadOptionValue, NothingMeasured } from './errors.ts'
import { loadProject } from './project.ts'
import { runsFolder } from './runs.ts'
import { numberOf } from './stages.ts'

export const SOURCE_OPTIONS: Record<string, OptionSpec> = {
  like: {
    type: 'string',
    value: '<period>',
    about: 'requests as in last-hour, last-day, last-week or 36h (default: last-day)',
  },
  from: { type: 'string', value: '<run>', about: 'requests as in a load run, in place of what was recorded' },
  demands: {
    type: 'string',
    value: '<file>',
    about: 'demands as `tenfold plan demands` printed them, and as you changed them',
  },
}

export const GOAL_OPTIONS: Record<string, OptionSpec> = {
  slo: { type: 'string', value: '<ms>', about: 'what p95 may be (default: 500)' },
  'full-at': { type: 'string', value: '<percent>', about: 'how full anything may be (default: 70)' },
  prices: { type: 'string', value: '<file>', about: 'machines as `tenfold plan prices` prints them' },
  network: { type: 'string', value: '<ms>', about: 'from one machine to another and back (default: 0.5)' },
  pool: { type: 'string', value: '<n>', about: 'database connections of each process (default: 10)' },
  'cache-hit': { type: 'string', value: '<share>', about: 'what a shared cache would answer of the reads: 0.8' },
  'per-user': { type: 'string', value: '<n>', about: 'requests of one user in a day (default: 50)' },
  peak: {
    type: 'string',
    value: '<factor>',
    about: 'the busiest minute by the mean (default: as measured over a day or more, else 5)',
  },
}

type Flags = Invocation['flags']

export interface Source {
  app: string
  demands: Demands
  /** Requests a second of one user in the busiest minute, and how that is known. */
  ratePerUser: number
  notes: string[]
}

const PERIODS: Record<string, number> = { 'last-hour': 60, 'last-day': 1440, 'last-week': 7 * 1440 }

export async function sourceOf(flags: Flags): Promise<Source> {
  const project = await loadProject(flags).catch((error: unknown) => {
    if (flags.from === undefined && flags.demands === undefined) throw error
    return undefined
  })
  const minutes = minutesOf(String(flags.like ?? 'last-day'))
  const demands =
    typeof flags.demands === 'string'
      ? readJson<Demands>('--demands', flags.demands, ({ classes }) => Array.isArray(classes))
      : typeof flags.from === 'string'
        ? demandsOfRun(findResult(runsFolder(project), flags.from))
        : await recorded(project!, minutes)
  const measured = demands.seconds > 20 * 3600
  const day = flags['per-user'] === undefined ? 50 : numberOf('--per-user', flags['per-user'])
  const peak =
    flags.peak !== undefined
      ? numberOf('--peak', flags.peak)
      : measured
        ? Math.max(1, demands.peakRate / demands.rate)
        : 5
  const notes = [
    `${flags['per-user'] === undefined ? 'assumed: ' : ''}a user sends ${day} requests a day (--per-user)`,
    `${flags.peak === undefined && !measured ? 'assumed: ' : ''}the busiest minute has ${Number(peak.toPrecision(2))} times the mean (--peak)`,
  ]
  return { app: project?.app.name ?? 'app', demands, ratePerUser: (day / 86_400) * peak, notes }
}

/** The run of a cron is a job whose name begins like this. */
const CRON = jobNameOf('')

function minutesOf(period: string): number {
  const [, n, unit] = /^(\d+)([hd])$/.exec(period) ?? []
  const minutes = PERIODS[period] ?? Number(n) * (unit === 'd' ? 1440 : 60)
  if (minutes > 0 && minutes <= 14 * 1440) return minutes
  throw BadOptionValue({
    option: '--like',
    value: period,
    allowed: 'last-hour, last-day, last-week, or hours and days such as 36h or 10d, at most 14d',
  })
}

async function recorded({ app, root }: Awaited<ReturnType<typeof loadProject>>, minutes: number): Promise<Demands> {
  const connected = await connect(app, root)
  try {
    const { database } = await connected.open()
    const seen = await readDemand(database.system, { minutes, nowMs: systemClock.now() })
    if (seen.operations.length === 0 || seen.slots.length === 0) throw NothingMeasured({ minutes })
    const working = await workingShare(database.system, seen)
    return demandsFrom(seenOf(seen, working, minutes))
  } finally {
    await connected.close()
  }
}

function seenOf(
  { slotSeconds, slots, operations, databaseMs, statements, queries }: RecordedDemand,
  working: number | undefined,
  minutes: number,
): Seen {
  // Kept traces are mostly slow ones: their database time is scaled to that of all statements.
  const traced = operations.reduce((sum, { name, count }) => sum + count * (databaseMs[name] ?? 0), 0)
  const scale = traced > 0 && statements.totalMs > 0 ? Math.min(10, statements.totalMs / traced) : 1
  return {
    source:
      minutes < 1440
        ? `the last ${Math.round(minutes / 6) / 10} h`
        : minutes === 1440
          ? 'the last day'
          : `the last ${Math.round(minutes / 144) / 10} days`,
    slotSeconds,
    slots: slots.map(({ cpuSeconds, counts }) => ({ cpu: cpuSeconds, counts })),
    kinds: Object.fromEntries(operations.map(({ name, kind }) => [name, name.startsWith(CRON) ? 'cron' : kind])),
    details: Object.fromEntries(
      operations.map(({ name, count, meanMs, queries, cv2 }) => [
        name,
        { count, queries, meanMs, cv2, databaseMs: (databaseMs[name] ?? 0) * scale },
      ]),
    ),
    working,
    queries,
    reads: statements.totalMs > 0 ? statements.readMs / statements.totalMs : 0,
  }
}

/** Of what the app waits for statements, the part that they execute: the mean of all since the statistics began, by the mean
 *  as the app sees it. Undefined where pg_stat_statements does not answer. */
async function workingShare(sql: Sql, { statements }: RecordedDemand): Promise<number | undefined> {
  const rows = await queryStatements<{ ms: number; calls: number }>(
    sql,
    (view) =>
      `select coalesce(sum(total_exec_time + total_plan_time), 0)::float8 as ms, coalesce(sum(calls), 0)::float8 as calls
         from ${view} where dbid = (select oid from pg_database where datname = current_database())
          and query !~* '(tenfold\\.|pg_stat|^begin|^commit)'`,
  )
  const { ms, calls } = rows?.[0] ?? { ms: 0, calls: 0 }
  if (calls < 100 || statements.count === 0) return undefined
  return Math.min(1, ms / calls / (statements.totalMs / statements.count))
}

/** By the service demand law, from what the app and the database felt in each step: CPU by requests. */
function demandsOfRun(result: LoadResult): Demands {
  const steps = result.steps.filter(({ invalid, felt }) => invalid.length === 0 && felt?.appCpu !== undefined)
  if (steps.length === 0) {
    throw BadOptionValue({
      option: '--from',
      value: result.id,
      allowed: 'a valid run that saw the CPU of the app (made in its project, on its machine)',
    })
  }
  const requests = steps.reduce((sum, step) => sum + step.requests, 0)
  const perRequest = (of: (step: (typeof steps)[number]) => number | undefined): number =>
    steps.reduce((sum, step) => sum + (of(step) ?? 0) * step.seconds, 0) / requests
  const databaseKnown = steps.every(({ felt }) => felt!.databaseCpu !== undefined)
  const quiet = steps.toSorted((a, b) => a.offered - b.offered)[0]!
  const appCpu = perRequest(({ felt }) => felt!.appCpu)
  const held = (quiet.felt!.databaseMs ?? 0) / 1000
  const databaseCpu = databaseKnown ? perRequest(({ felt }) => felt!.databaseCpu) : held
  const mean = quiet.latency.mean / 1000
  const cv2 = Math.min(4, Math.max(0.05, ((quiet.latency.p95 - quiet.latency.p50) / 1.645 / quiet.latency.mean) ** 2))
  return {
    version: 1,
    source: `load run ${result.id} (${result.scenario})`,
    rate: requests / steps.reduce((sum, { seconds }) => sum + seconds, 0),
    peakRate: Math.max(...steps.map(({ offered }) => offered)),
    seconds: steps.reduce((sum, { seconds }) => sum + seconds, 0),
    classes: [
      {
        name: result.scenario,
        kind: 'request',
        share: 1,
        appCpu,
        databaseCpu,
        databaseOther: Math.max(0, held - databaseCpu),
        queries: quiet.felt!.queriesPerRequest ?? 0,
        reads: 0,
        outside: Math.max(0, mean - appCpu - Math.max(held, databaseCpu)),
        cv2,
      },
    ],
    uncertainty: { app: 1.2, database: databaseKnown ? 1.2 : 3 },
    unknown: [
      'not measured: disk writes, memory',
      'a load run does not tell reads from writes: no replica and no cache is planned from it',
      ...(databaseKnown
        ? []
        : ['not measured: the CPU of the database. All time in it is counted as its CPU, which is the worst case']),
    ],
  }
}

export function settingsOf(flags: Flags): Settings {
  const hit = flags['cache-hit'] === undefined ? undefined : numberOf('--cache-hit', flags['cache-hit'])
  if (hit !== undefined && hit > 1)
    throw BadOptionValue({ option: '--cache-hit', value: String(hit), allowed: 'a share from 0 to 1' })
  return {
    prices:
      typeof flags.prices === 'string'
        ? readJson<Prices>(
            '--prices',
            flags.prices,
            ({ app, database }) => Array.isArray(app) && Array.isArray(database),
          )
        : DEFAULT_PRICES,
    goal: {
      p95: (flags.slo === undefined ? 500 : numberOf('--slo', flags.slo)) / 1000,
      utilization: Math.min(
        0.95,
        (flags['full-at'] === undefined ? 70 : numberOf('--full-at', flags['full-at'])) / 100,
      ),
    },
    pool: flags.pool === undefined ? 10 : numberOf('--pool', flags.pool, 'whole'),
    maxConnections: 200,
    networkMs: flags.network === undefined ? 0.5 : numberOf('--network', flags.network),
    ...(hit !== undefined && { cacheHit: hit }),
  }
}

function readJson<T>(option: string, file: string, isOne: (value: T) => boolean): T {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as T
    if (isOne(value)) return value
  } catch (error) {
    throw BadOptionValue({ option, value: file, allowed: `a JSON file (${messageOf(error)})` }, { cause: error })
  }
  throw BadOptionValue({
    option,
    value: file,
    allowed: 'a file of that kind; the command without the option prints one',
  })
}

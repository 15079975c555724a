/** One run for each tick, whatever happens to the instances. */
import { randomInt } from 'node:crypto'
import type { Database } from '../../packages/tenfold/src/database/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { startCrew } from '../jobs/crew.ts'
import { randomFrom } from '../jobs/random.ts'
import { openAdmin, startKillableServer } from '../jobs/server.ts'
import proof, { CRONS, PLANTS } from './app.ts'
import { wreak } from './chaos.ts'
import { facts, judge, type Evidence, type Run } from './judge.ts'
import { openLine } from '../../stages/line.ts'

/** Of the instances' clocks: one is a day behind, one hours ahead. */
const SKEWS_MS = [0, -86_400_000, 2000, 3 * 3_600_000, -90_000]

export default {
  name: 'cron',
  about: 'each tick runs once: five instances with wrong clocks, killed, paused and cut off at random moments',
  options: {
    seconds: 'how long; 60 unless --quick, then 12',
    seed: 'repeats the order and the pauses of the faults; printed by every run',
    plant: `faults to plant, to see them found, separated by commas: ${PLANTS.join(', ')}`,
  },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const seed = Number(set.seed ?? randomInt(2 ** 31))
  const seconds = Number(set.seconds ?? (quick ? 12 : 60))
  const instances = quick ? 3 : 5
  // A machine that is busy with other things loses no lease of this length by itself.
  const leaseMs = quick ? 8000 : 4000
  log(`seed ${seed}`)
  const server = await startKillableServer()
  const variables = {
    SECRET_KEY: 'a secret key for this proof, and nothing else',
    SMTP_URL: 'smtp://127.0.0.1:1',
    PLANT: set.plant ?? '',
    LEASE_MS: String(leaseMs),
  }
  const stops: (() => Promise<void>)[] = [() => server.stop()]
  try {
    const instance = await proof.start({
      roles: [],
      migrate: true,
      variables: { ...variables, DATABASE_URL: server.adminUrl, NODE_ENV: 'production', LOG_LEVEL: 'fatal' },
    })
    stops.push(() => instance.stop())
    const admin = openAdmin(server.adminUrl)
    stops.push(() => admin.service.stop())
    const lines = await Promise.all(Array.from({ length: instances }, () => openLine(server.adminUrl)))
    stops.push(async () => void (await Promise.all(lines.map((line) => line.stop()))))
    const program = new URL('./instance.program.ts', import.meta.url).href
    const crew = startCrew(program, instances, (n) => ({
      ...variables,
      DATABASE_URL: lines[n % instances]!.url,
      LINE: String(n % instances),
      SKEW_MS: String(SKEWS_MS[n % instances]),
    }))
    stops.push(() => crew.stop())

    await until(60_000, () => crew.ready().length === instances, signal)
    const from = Math.ceil((await databaseNow(admin)) / 1000) * 1000 + 1000
    const faults = await wreak({ crew, lines, random: randomFrom(seed), untilMs: Date.now() + seconds * 1000, signal })
    const to = Math.max(from, Math.floor((await databaseNow(admin)) / 1000) * 1000)
    log('waiting until all is done')
    await until(90_000, async () => (await unfinished(admin, to)) === 0, signal)
    await crew.stop()

    const evidence: Evidence = {
      runs: await readRuns(admin),
      twoJobs: await twoJobs(admin),
      crons: Array.from({ length: CRONS }, (_, n) => `tick-${n}`),
      from,
      to,
      faults,
      leasesLost: crew.leasesLost,
      leaseMs,
      atLeast: set.seconds === undefined && !quick ? 1000 : 1,
    }
    for (const complaint of crew.complaints.slice(0, 5)) log(complaint.trimEnd())
    return {
      claims: judge(evidence),
      rows: [{ what: 'seed', count: seed }, ...facts(evidence)],
      versions: { postgres: server.version },
    }
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => log(String(error)))
  }
}

/** Goes on after `ms` as well: what is missing then is for the judge. */
async function until(ms: number, condition: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + ms; Date.now() < deadline && !(await condition());) {
    if (signal.aborted) throw signal.reason
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function databaseNow({ system }: Database): Promise<number> {
  const { rows } = await system.query<{ now: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
  )
  return rows[0]!.now
}

/** Ticks before `to` that are not there yet, and jobs of theirs that have not run. */
async function unfinished({ system }: Database, to: number): Promise<number> {
  const { rows } = await system.query<{ left_over: number }>(
    `select (select count(*) from tenfold.job where (payload ->> 'fireAt')::float8 < $1)::int
          + (select count(*) from tenfold.cron c where not exists (
               select from tenfold.cron_tick t where t.name = c.name and t.fire_at = to_timestamp($1::float8 / 1000)))::int as left_over`,
    [to],
  )
  return rows[0]!.left_over
}

async function readRuns({ system }: Database): Promise<Run[]> {
  const { rows } = await system.query<Run>(
    `select cron, extract(epoch from fire_at)::float8 * 1000 as "fireAt", pid, line, what,
            extract(epoch from at)::float8 * 1000 as at from clockwork.run`,
  )
  return rows
}

async function twoJobs({ system }: Database): Promise<string[]> {
  const { rows } = await system.query<{ tick: string }>(
    `select name || ' ' || (payload ->> 'fireAt') as tick from (
       select name, payload from tenfold.job union all select name, payload from tenfold.job_done
     ) jobs where name like 'cron:%' group by name, payload ->> 'fireAt' having count(*) > 1`,
  )
  return rows.map(({ tick }) => tick)
}

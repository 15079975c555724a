/** One instance's part: sleeps until a tick is due by the clock of the database, and tries to be the one that inserts it. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Clock, type Service } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { jobNameOf, type CronDefinition, type CronJob, type CronJobs, type CronTick } from '../cron.ts'
import type { Timetable } from '../timetable.ts'

export interface Planned extends CronDefinition {
  timetable: Timetable
}

/** Ticks that are late by less than this run one by one; of older ones only the last runs. */
export const LATE_MS = 5000
/** How often the clock of the database is read, at least. */
const MEASURE_MS = 10_000
const PRUNE_MS = 3_600_000
const KEEP_MS = 7 * 86_400_000
const GRACE_MS = 600_000
const MOST_MISSED = 1000

export interface SchedulerParts {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  crons: readonly Planned[]
  jobs: CronJobs
}

export function createScheduler({ db, telemetry, clock, crons, jobs }: SchedulerParts): Service {
  const stopping = new AbortController()
  const ticks = telemetry.metrics.counter('tenfold.cron.ticks', {
    help: 'Ticks that this process turned into jobs.',
    unit: '{tick}',
  })
  /** By name: ticks up to here are dealt with, by us or by others. */
  const behind = new Map<string, number>()
  /** The clock of the database minus our monotonic one. */
  let offset = 0
  let measuredAt = -Infinity
  let prunedAt = -Infinity
  let loop: Promise<void> | undefined

  const databaseNow = (): number => clock.elapsed() + offset

  const measure = async (): Promise<void> => {
    const asked = clock.elapsed()
    const { rows } = await db.query<{ now: number }>(
      'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
    )
    measuredAt = clock.elapsed()
    offset = rows[0]!.now - (asked + measuredAt) / 2
  }

  const register = async (): Promise<void> => {
    for (const { name, schedule, timeZone = 'UTC' } of crons) {
      const { rows } = await db.query<{ since: number }>(
        `insert into tenfold.cron as c (name, schedule, time_zone) values ($1, $2, $3)
         on conflict (name) do update set schedule = excluded.schedule, time_zone = excluded.time_zone,
           since = case when (c.schedule, c.time_zone) = (excluded.schedule, excluded.time_zone) then c.since else clock_timestamp() end
         returning extract(epoch from since)::float8 * 1000 as since`,
        [name, schedule, timeZone],
      )
      behind.set(name, rows[0]!.since)
    }
  }

  /** What this cron owes at `now`. */
  const due = ({ name, timetable, catchUp = 'once', graceMs = GRACE_MS }: Planned, now: number): number[] => {
    const from = behind.get(name)!
    const recent = timetable.between(Math.max(from, now - LATE_MS), now, LATE_MS / 1000 + 1)
    if (catchUp === 'all') return timetable.between(Math.max(from, now - graceMs), now, MOST_MISSED)
    if (recent.length > 0 || catchUp === 'skip') return recent
    return timetable.between(Math.max(from, now - graceMs), now, 1)
  }

  /** False if the database says that it is not yet time. */
  const fire = async (cron: Planned, fireAt: number): Promise<boolean> => {
    const outcome = await db.transaction(async (tx) => {
      const { rows } = await tx.query<{ early: boolean; won: boolean }>(
        `with tick as (
           insert into tenfold.cron_tick (name, fire_at, instance_id)
             select $1::text, to_timestamp($2::float8 / 1000), $3::text where to_timestamp($2::float8 / 1000) <= clock_timestamp()
             on conflict do nothing returning 1)
         select to_timestamp($2::float8 / 1000) > clock_timestamp() as early, exists (select 1 from tick) as won`,
        [cron.name, fireAt, telemetry.instanceId],
      )
      const { early, won } = rows[0]!
      if (won) await enqueueTick(tx, jobs, cron, { cron: cron.name, fireAt })
      return { early: early && !won, won }
    })
    if (outcome.won) ticks.add(1, { cron: cron.name })
    return !outcome.early
  }

  const fireDue = async (): Promise<void> => {
    for (const cron of crons) {
      for (const fireAt of due(cron, databaseNow())) {
        if (!(await fire(cron, fireAt))) return measure()
        behind.set(cron.name, fireAt)
      }
    }
  }

  const prune = async (): Promise<void> => {
    prunedAt = clock.elapsed()
    for (const { name, graceMs = GRACE_MS } of crons) {
      await db.query(
        `delete from tenfold.cron_tick where name = $1 and fire_at < clock_timestamp() - $2 * interval '1 ms'`,
        [name, Math.max(KEEP_MS, 2 * graceMs)],
      )
    }
  }

  const nextIn = (): number => {
    const now = databaseNow()
    const next = crons.map(
      ({ name, timetable }) => timetable.after(Math.max(behind.get(name)!, now - 1000)) ?? Infinity,
    )
    return Math.min(MEASURE_MS, ...next.map((time) => time - now))
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (clock.elapsed() - measuredAt >= MEASURE_MS) await measure()
        await fireDue()
        if (clock.elapsed() - prunedAt >= PRUNE_MS) await prune()
        await clock.sleep(Math.max(1, nextIn()), stopping.signal)
      } catch (error) {
        telemetry.log.warn('Crons could not reach the database; trying again.', { reason: messageOf(error) })
        await clock.sleep(200 + Math.random() * 800, stopping.signal)
      }
    }
  }

  return {
    name: 'cron',
    async start() {
      await measure()
      await register()
      loop = run()
    },
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

/** The row of the tick has to be there already. */
export async function enqueueTick(
  tx: Parameters<CronJobs['enqueue']>[1],
  jobs: CronJobs,
  { name, maxAttempts = 3, timeoutMs = 600_000, overlap, jitterMs }: CronDefinition,
  tick: CronTick,
): Promise<string> {
  const job: CronJob = {
    name: jobNameOf(name),
    payload: tick,
    maxAttempts,
    timeoutMs,
    ...(jitterMs && !tick.manual && { delay: Math.floor(Math.random() * jitterMs) }),
    // The key is held by the unfinished run before: its id comes back, and the tick is left out.
    ...(overlap === 'skip' && { uniqueKey: name }),
    ...(overlap === 'queue' && { concurrency: { key: name, limit: 1 } }),
  }
  const [jobId] = await jobs.enqueue([job], tx)
  await tx.query(
    `update tenfold.cron_tick t set job_id = $3::bigint,
       skipped = exists (select from tenfold.cron_tick b where b.name = $1 and b.job_id = $3::bigint and b.fire_at <> t.fire_at)
     where name = $1 and fire_at = to_timestamp($2::float8 / 1000)`,
    [name, tick.fireAt, jobId!],
  )
  return jobId!
}

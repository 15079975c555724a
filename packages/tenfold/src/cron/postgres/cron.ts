import type { SystemDatabase } from '../../database/index.ts'
import { systemClock, type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Cron, CronDefinition, CronJobRow, CronJobs, CronMissed, CronRow, CronRun } from '../cron.ts'
import { CronDuplicate, CronUnknown } from '../errors.ts'
import { timetableOf } from '../timetable.ts'
import { describeSchedule } from '../words.ts'
import { createScheduler, enqueueTick, LATE_MS, type Planned } from './scheduler.ts'

export interface PostgresCronOptions {
  db: SystemDatabase
  telemetry: Telemetry
  crons: readonly CronDefinition[]
  /** Where ticks become jobs. */
  jobs: CronJobs
  clock?: Clock
}

const RUNS = 10
const DAY = 86_400_000
const MOST_MISSED = 100

interface TickFound {
  fireAt: number
  skipped: boolean
  jobId: string | null
}

interface TickRow {
  name: string
  fireAt: number
  manual: boolean
  skipped: boolean
  jobId: string | null
}

export function openPostgresCron({
  db,
  telemetry,
  crons: definitions,
  jobs,
  clock = systemClock,
}: PostgresCronOptions): Cron {
  const crons = new Map<string, Planned>()
  for (const definition of definitions) {
    if (crons.has(definition.name)) throw CronDuplicate({ name: definition.name })
    crons.set(definition.name, { ...definition, timetable: timetableOf(definition) })
  }

  const lastTicks = async (): Promise<TickRow[]> => {
    const { rows } = await db.query<TickRow>(
      `select c.name, round(extract(epoch from t.fire_at) * 1000)::float8 as "fireAt", t.manual, t.skipped, t.job_id::text as "jobId"
       from unnest($1::text[]) as c (name) cross join lateral (
         select fire_at, manual, skipped, job_id from tenfold.cron_tick where name = c.name order by fire_at desc limit ${RUNS}) as t
       order by t.fire_at desc`,
      [[...crons.keys()]],
    )
    return rows
  }

  const rowsOf = async (ids: readonly string[]): Promise<Map<string, CronJobRow>> => {
    const found: CronJobRow[] = []
    for (let at = 0; at < ids.length; at += 500)
      found.push(...(await jobs.list({ ids: ids.slice(at, at + 500), limit: 500 })))
    return new Map(found.map((row) => [row.id, row]))
  }

  return {
    schedule: (names) =>
      createScheduler({
        db,
        telemetry,
        clock,
        crons: [...crons.values()].filter(({ name }) => names?.has(name) ?? true),
        jobs,
      }),
    async list() {
      const ticks = (await lastTicks()).filter((tick): tick is TickRow & { jobId: string } => tick.jobId !== null)
      const rows = await rowsOf(ticks.map((tick) => tick.jobId))
      return [...crons.values()].map(({ name, schedule, timeZone = 'UTC', timetable }): CronRow => ({
        name,
        schedule,
        timeZone,
        description: describeSchedule(schedule),
        nextAt: timetable.after(clock.now()) ?? null,
        runs: ticks.filter((tick) => tick.name === name).map((tick) => runOf(tick, rows.get(tick.jobId))),
      }))
    },
    async missed(withinMs = DAY) {
      const { rows } = await db.query<{ now: number; name: string; since: number; ticks: string | null }>(
        `select extract(epoch from clock_timestamp())::float8 * 1000 as now, c.name, extract(epoch from c.since)::float8 * 1000 as since,
           (select json_agg(json_build_object('fireAt', round(extract(epoch from t.fire_at) * 1000), 'skipped', t.skipped, 'jobId', t.job_id::text))::text
            from tenfold.cron_tick t
            where t.name = c.name and not t.manual and t.fire_at > clock_timestamp() - $2::float8 * interval '1 ms') as ticks
         from tenfold.cron c where c.name = any ($1::text[])`,
        [[...crons.keys()], withinMs],
      )
      const missed: CronMissed[] = []
      for (const { name, since, now, ticks } of rows) {
        const { timetable, jitterMs = 0 } = crons.get(name)!
        const latest = now - LATE_MS * 12 - jitterMs
        const due = timetable.between(Math.max(since, now - withinMs), latest, MOST_MISSED).toReversed()
        const found = (ticks ? (JSON.parse(ticks) as TickFound[]) : []).filter(({ fireAt }) => fireAt <= latest)
        const byTime = new Map(found.map((tick) => [tick.fireAt, tick]))
        const jobRows = await rowsOf(due.flatMap((fireAt) => byTime.get(fireAt)?.jobId ?? []))
        for (const fireAt of due) {
          const tick = byTime.get(fireAt)
          const reason = missedBecause(tick, tick?.jobId ? jobRows.get(tick.jobId) : undefined)
          if (reason) missed.push({ name, fireAt, reason, ...(tick?.jobId && { jobId: tick.jobId }) })
        }
      }
      return missed.sort((a, b) => b.fireAt - a.fireAt)
    },
    async runNow(name) {
      const cron = crons.get(name)
      if (!cron) throw CronUnknown({ name })
      const jobId = await db.transaction(async (tx) => {
        const { rows } = await tx.query<{ fireAt: number }>(
          `insert into tenfold.cron_tick (name, fire_at, instance_id, manual)
           values ($1, date_trunc('milliseconds', clock_timestamp()), $2, true)
           returning round(extract(epoch from fire_at) * 1000)::float8 as "fireAt"`,
          [name, telemetry.instanceId],
        )
        return enqueueTick(tx, jobs, cron, { cron: name, fireAt: rows[0]!.fireAt, manual: true })
      })
      return { jobId }
    },
  }
}

function missedBecause(tick: TickFound | undefined, job: CronJobRow | undefined): CronMissed['reason'] | undefined {
  if (!tick) return 'never'
  if (tick.skipped) return 'skipped'
  if (job?.state === 'dead') return 'failed'
  return job && job.startedAt === undefined && (job.state === 'waiting' || job.state === 'delayed') ? 'late' : undefined
}

/** A job that is no longer kept was finished long ago. */
function runOf({ fireAt, manual, skipped, jobId }: TickRow & { jobId: string }, job: CronJobRow | undefined): CronRun {
  if (skipped) return { fireAt, state: 'skipped', jobId, manual }
  if (!job) return { fireAt, state: 'done', jobId, manual }
  const { state, startedAt, durationMs, instanceId } = job
  return {
    fireAt,
    state: state === 'delayed' || state === 'blocked' ? 'waiting' : state,
    jobId,
    manual,
    ...(startedAt !== undefined && { startedAt }),
    ...(durationMs !== undefined && { durationMs }),
    ...(instanceId !== undefined && { instanceId }),
  }
}

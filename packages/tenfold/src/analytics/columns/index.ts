/** Reports out of a copy by columns; everything else stays with Postgres. */
import type { SystemDatabase } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Analytics, Range, RetentionQuery } from '../analytics.ts'
import { checkFunnel, checkPaths, checkTrend } from '../check.ts'
import { funnelOf } from '../funnel-report.ts'
import { pathsOf } from '../postgres/paths.ts'
import { lifecycleOf, retentionOf } from '../retention-report.ts'
import { seriesOf } from '../trend.ts'
import { clockOf, type ZoneClock } from './clock.ts'
import type { Columns } from './columns.ts'
import { createFollower } from './follow.ts'
import { readFunnel, readMasks, readPaths, readTrend, timesOf } from './reads.ts'

interface Parts {
  db: SystemDatabase
  clock: Clock
  timeZone: string
  keepMonths: number
  /** Undefined: another process has it. */
  open: () => Promise<Columns | undefined>
  /** One process at a time has it, and keeps it: only a question is a reason to take it. */
  alone: boolean
}

/** The engine is opened with the first question. While another process has it, Postgres answers: the numbers are the same. */
export function withColumns(postgres: Analytics, { db, clock, timeZone, keepMonths, open, alone }: Parts): Analytics {
  let opened: Promise<{ columns: Columns; catchUp: () => Promise<void> } | undefined> | undefined
  const dropOld = (columns: Columns): Promise<void> => {
    const now = new Date(clock.now())
    return columns.dropBefore(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - keepMonths, 1) * 1000)
  }
  const openNow = async () => {
    const columns = await open()
    // While nobody had it, nobody dropped what became too old.
    if (columns && alone) {
      await dropOld(columns).catch(async (error: unknown) => {
        await columns.close()
        throw error
      })
    }
    return columns && { columns, catchUp: createFollower(db, columns).catchUp }
  }
  const engine = async () => {
    opened ??= openNow()
    try {
      const found = await opened
      // Whoever has it may be gone when the next question comes.
      if (!found) opened = undefined
      return found
    } catch (error) {
      opened = undefined
      throw error
    }
  }
  /** The copy, up to date; undefined where Postgres is to be asked. */
  const current = async (): Promise<Columns | undefined> => {
    const found = await engine()
    await found?.catchUp()
    return found?.columns
  }
  /** What keeps the copy in order leaves an engine that is for one process alone to whoever asks questions. */
  const inOrder = async (): Promise<Columns | undefined> => (alone && !opened ? undefined : current())
  const clockFor = (range: Range): Promise<ZoneClock> => clockOf(db, range, timeZone)
  const masksOf = (columns: Columns) => async (query: RetentionQuery, periods: readonly string[]) =>
    readMasks(columns, await clockFor({ from: periods[0]!, to: query.to }), query, periods)

  return {
    ...postgres,

    async funnel(query) {
      const started = performance.now()
      const { order, entry, windowMs } = checkFunnel(query)
      const columns = await current()
      if (!columns) return postgres.funnel(query)
      const { rows, values, untilUs } = await readFunnel(columns, await clockFor(query), query, windowMs)
      const rule = {
        steps: query.steps.length,
        order,
        entry,
        windowUs: windowMs * 1000,
        untilUs,
        nowUs: clock.now() * 1000,
      }
      return { ...funnelOf(rows, rule, query, values), timeZone, tookMs: Math.round(performance.now() - started) }
    },

    async retention(query) {
      // Days of people are added up in Postgres: who was there at all needs no events.
      const columns = query.start || query.back ? await current() : undefined
      if (!columns) return postgres.retention(query)
      return retentionOf(query, (periods) => masksOf(columns)(query, periods), timeZone, clock.now())
    },

    async lifecycle(query) {
      const columns = query.event ? await current() : undefined
      if (!columns) return postgres.lifecycle(query)
      return lifecycleOf(query, masksOf(columns), timeZone, clock.now())
    },

    async trend(query) {
      const started = performance.now()
      checkTrend(query)
      const columns = await current()
      if (!columns) return postgres.trend(query)
      const times = timesOf(query)
      const rows = await readTrend(columns, await clockFor(query), query)
      const names = query.events.map(({ event }) => event)
      return {
        times,
        series: seriesOf(rows, times, names, query.breakdown !== undefined),
        timeZone,
        tookMs: Math.round(performance.now() - started),
      }
    },

    async paths(query) {
      checkPaths(query)
      const columns = await current()
      if (!columns) return postgres.paths(query)
      const { rows } = await db.query<{ id: number; name: string }>('select id, name from tenfold.analytics_name')
      const names = new Map(rows.map(({ id, name }) => [id, name]))
      const day = await clockFor(query)
      return pathsOf(db, query, (rule) => readPaths(columns, day, query, rule, names), timeZone)
    },

    async forget(who) {
      const events = await postgres.forget(who)
      // Where this process does not have the copy, whoever does removes them before the next answer.
      await inOrder()
      return events
    },

    async maintain() {
      const kept = await postgres.maintain()
      const columns = await inOrder()
      if (columns) await dropOld(columns)
      return kept
    },

    async close() {
      await postgres.close()
      await (await opened?.catch(() => undefined))?.columns.close()
    },
  }
}

/** Retention as a table: periods of the calendar, shares, and whether a cell is over. */
import type { LifecycleQuery, LifecycleReport, RetentionQuery, RetentionReport } from './analytics.ts'
import { checkRetention } from './check.ts'
import { AnalyticsQueryInvalid } from './errors.ts'
import { countLifecycle } from './lifecycle.ts'
import { countRetention, type MaskCount } from './retention.ts'

const MOST_PERIODS = 400

/** `read` gets the first days of the periods, and says in which of them people were there. */
export async function retentionOf(
  query: RetentionQuery,
  read: (periods: readonly string[]) => Promise<readonly MaskCount[]>,
  timeZone: string,
  nowMs: number,
): Promise<RetentionReport> {
  const started = performance.now()
  checkRetention(query)
  const periods = checkedPeriods(query)
  const brackets = query.brackets ?? periods.slice(1).map((_, i) => [i + 1, i + 1] as const)
  const { cohort = 'first', measure = 'on' } = query
  const masks = await read(periods)
  const today = dayIn(timeZone, nowMs)
  const cohorts = countRetention(masks, { periods: periods.length, cohort, measure, brackets })
  return {
    cohorts: cohorts.map(({ size, counts }, n) => ({
      from: periods[n]!,
      size,
      cells: brackets.flatMap(([offset, last], i) => {
        if (n + offset >= periods.length) return []
        const final = periods[n + last]
        const end = final === undefined ? undefined : next(query.by, final)
        const complete = end !== undefined && end <= today && end <= addDays(query.to, 1)
        const count = counts[i]!
        return [{ offset, count, share: size === 0 ? 0 : count / size, complete }]
      }),
    })),
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

/** `read` as of a retention. */
export async function lifecycleOf(
  query: LifecycleQuery,
  read: (query: RetentionQuery, periods: readonly string[]) => Promise<readonly MaskCount[]>,
  timeZone: string,
  nowMs: number,
): Promise<LifecycleReport> {
  const started = performance.now()
  const { event, ...asked } = query
  const selections = event ? { start: event, back: event } : {}
  checkRetention({ ...asked, ...selections })
  const before = startOf(query.by, addDays(startOf(query.by, query.from), -1))
  const retention = { ...asked, ...selections, from: before, cohort: 'first' as const }
  const periods = checkedPeriods(retention)
  const counts = countLifecycle(await read(retention, periods), periods.length - 1)
  const today = dayIn(timeZone, nowMs)
  return {
    periods: periods.slice(1).map((from, n) => {
      const end = next(query.by, from)
      return { from, ...counts[n]!, complete: end <= today && end <= addDays(query.to, 1) }
    }),
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

function checkedPeriods(query: Pick<RetentionQuery, 'from' | 'to' | 'by'>): string[] {
  const periods = periodsOf(query)
  if (periods.length <= MOST_PERIODS) return periods
  throw AnalyticsQueryInvalid({ field: 'by', expected: `a period of which the range has at most ${MOST_PERIODS}` })
}

/** First days of the periods: the range's first day is moved back to the start of its week (Monday) or month. */
function periodsOf({ from, to, by }: Pick<RetentionQuery, 'from' | 'to' | 'by'>): string[] {
  const starts: string[] = []
  for (let day = startOf(by, from); day <= to; day = next(by, day)) starts.push(day)
  return starts
}

function startOf(by: RetentionQuery['by'], day: string): string {
  if (by === 'month') return `${day.slice(0, 7)}-01`
  if (by === 'week') return addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7))
  return day
}

export function next(by: RetentionQuery['by'], day: string): string {
  if (by === 'day') return addDays(day, 1)
  if (by === 'week') return addDays(day, 7)
  const [year, month] = day.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10)
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

export function dayIn(timeZone: string, atMs: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(atMs)
}

import type { Sql } from '../../database/index.ts'
import type { RetentionQuery, RetentionReport, Selection } from '../analytics.ts'
import { checkRetention } from '../check.ts'
import { AnalyticsQueryInvalid } from '../errors.ts'
import { countRetention, type MaskCount } from '../retention.ts'
import { EVENTS, matches, midnight, nameIds, Parameters, PERSON } from './selection.ts'

const MOST_PERIODS = 400

export async function retention(
  sql: Sql,
  query: RetentionQuery,
  timeZone: string,
  nowMs: number,
): Promise<RetentionReport> {
  const started = performance.now()
  checkRetention(query)
  const periods = periodsOf(query)
  if (periods.length > MOST_PERIODS) {
    throw AnalyticsQueryInvalid({ field: 'by', expected: `a period of which the range has at most ${MOST_PERIODS}` })
  }
  const brackets = query.brackets ?? periods.slice(1).map((_, i) => [i + 1, i + 1] as const)
  const { cohort = 'first', measure = 'on' } = query
  const masks = await readMasks(sql, query, periods, timeZone)
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

/** First days of the periods: the range's first day is moved back to the start of its week (Monday) or month. */
function periodsOf({ from, to, by }: RetentionQuery): string[] {
  const starts: string[] = []
  for (let day = startOf(by, from); day <= to; day = next(by, day)) starts.push(day)
  return starts
}

function startOf(by: RetentionQuery['by'], day: string): string {
  if (by === 'month') return `${day.slice(0, 7)}-01`
  if (by === 'week') return addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7))
  return day
}

function next(by: RetentionQuery['by'], day: string): string {
  if (by === 'day') return addDays(day, 1)
  if (by === 'week') return addDays(day, 7)
  const [year, month] = day.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10)
}

function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

export function dayIn(timeZone: string, atMs: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(atMs)
}

/** Without a choice of events the days on which people were there are enough; otherwise the events themselves are read. */
async function readMasks(
  sql: Sql,
  query: RetentionQuery,
  periods: readonly string[],
  timeZone: string,
): Promise<MaskCount[]> {
  const p = new Parameters()
  let place: string | undefined
  const zone = (): string => (place ??= `${p.add(timeZone)}::text`)
  const from = `${p.add(periods[0])}::date`
  const until = `(${p.add(query.to)}::date + 1)`
  const ids = await nameIds(
    sql,
    [query.start, query.back].flatMap((selection) => (selection ? [selection.event] : [])),
  )
  const daysOf = (selection: Selection | undefined, wholePast: boolean): string => {
    const since = wholePast ? '' : `day >= ${from} and`
    if (!selection) return `select person_id, day from tenfold.analytics_person_day where ${since} day < ${until}`
    const after = wholePast ? '' : `e.ts >= ${midnight(from, zone())} and`
    return `select ${PERSON} as person_id, (e.ts at time zone ${zone()})::date as day from ${EVENTS}
             where ${after} e.ts < ${midnight(until, zone())} and ${matches(selection, ids, p)}`
  }
  // Days before the range count backwards, and division rounds towards zero: hence the detour over a positive number.
  const period = { day: `day - ${from}`, week: `(day - ${from} + 70000) / 7 - 10000`, month: monthsSince(from) }[
    query.by
  ]
  const mask = periods.length <= 62 ? NUMBER : BITS
  const bit = mask.bit(period, periods.length)
  const first = query.cohort !== 'recurring'
  const { rows } = await sql.query<{ first: number | null; started: string; back: string | null; people: string }>(
    `with started as (
       select person_id, min(${period}) as first, bit_or(${bit}) filter (where day >= ${from}) as bits
         from (${daysOf(query.start, first)}) d group by person_id
     ), back as (
       select person_id, bit_or(${bit}) as bits from (${daysOf(query.back, false)}) d group by person_id
     )
     select first, ${first ? 'null' : 'started.bits::text'} as started, back.bits::text as back, count(*) as people
       from started left join back using (person_id)
      where started.bits is not null
      group by 1, 2, 3`,
    p.values,
  )
  return rows.map(({ first: began, started, back, people }) => ({
    first: began === null || began < 0 ? undefined : began,
    started: mask.read(started),
    back: mask.read(back),
    people: Number(people),
  }))
}

function monthsSince(from: string): string {
  return `((extract(year from day) - extract(year from ${from})) * 12 + extract(month from day) - extract(month from ${from}))::int`
}

interface Mask {
  /** SQL: a value in which only the bit of that period is set; `bit_or` joins them. */
  bit(period: string, periods: number): string
  read(text: string | null): bigint
}

/** Fast, but a number has 63 bits. */
const NUMBER: Mask = {
  bit: (period) => `(1::bigint << (${period}))`,
  read: (text) => BigInt(text ?? 0),
}

const BITS: Mask = {
  bit: (period, n) => `set_bit(repeat('0', ${n})::bit(${n}), ${n - 1} - (${period}), 1)`,
  read: (text) => BigInt(text === null ? 0 : `0b${text}`),
}

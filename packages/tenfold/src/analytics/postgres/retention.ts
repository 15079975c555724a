import type { Sql } from '../../database/index.ts'
import type { LifecycleQuery, LifecycleReport, RetentionQuery, RetentionReport, Selection } from '../analytics.ts'
import { lifecycleOf, retentionOf } from '../retention-report.ts'
import type { MaskCount } from '../retention.ts'
import { EVENTS, matches, midnight, nameIds, Parameters, PERSON } from './selection.ts'

export function retention(sql: Sql, query: RetentionQuery, timeZone: string, nowMs: number): Promise<RetentionReport> {
  return retentionOf(query, (periods) => readMasks(sql, query, periods, timeZone), timeZone, nowMs)
}

export function lifecycle(sql: Sql, query: LifecycleQuery, timeZone: string, nowMs: number): Promise<LifecycleReport> {
  return lifecycleOf(query, (asked, periods) => readMasks(sql, asked, periods, timeZone), timeZone, nowMs)
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

/** What reports read, out of columns. */
import type { FunnelQuery, PathsQuery, RetentionQuery, Selection, TrendQuery } from '../analytics.ts'
import { AnalyticsTooMany } from '../errors.ts'
import { MOST_VALUES as FUNNEL_VALUES } from '../funnel-report.ts'
import type { FunnelRows } from '../funnel.ts'
import type { PathRows, PathRule } from '../paths.ts'
import type { MaskCount } from '../retention.ts'
import { MOST_VALUES as TREND_VALUES, type TrendRow } from '../trend.ts'
import { DAY_US, dayNumber, dayOfNumber, type ZoneClock } from './clock.ts'
import type { Columns } from './columns.ts'
import { Statement, WHO } from './selection.ts'

/** What a process takes in for one question: 32 bytes each. */
const MOST_EVENTS = 30_000_000

export interface FunnelRead {
  rows: FunnelRows
  values: string[]
  untilUs: number
}

export async function readFunnel(
  columns: Columns,
  clock: ZoneClock,
  query: FunnelQuery,
  windowMs: number,
): Promise<FunnelRead> {
  const { steps, order, group, breakdown } = query
  const { fromUs, untilUs } = clock
  const opening = order === 'any' ? steps : steps.slice(0, 1)
  const values =
    breakdown === undefined
      ? []
      : await commonValues(columns, opening, breakdown, { from: fromUs, until: untilUs }, FUNNEL_VALUES)
  const s = new Statement(columns.dialect)
  const bits = steps.map((step, k) => `case when ${s.matches(step)} then ${1 << k} else 0 end`).join(' + ')
  const value = breakdown === undefined ? '0' : s.placeOf(breakdown, values)
  const who = group === undefined ? WHO : hashOf(columns, s.property(`$group.${group}`))
  // Strict order looks at every event of a person, the others at those that may be a step.
  const wanted = order === 'strict' ? '' : `and e.name in (${steps.map(({ event }) => s.add(event)).join(', ')})`
  const useful = order === 'strict' ? '' : 'and bits > 0'
  const sql = `select who, ts, bits, place from (
      select ${who} as who, e.ts as ts, e.seq as seq, ${bits} as bits, ${value} as place from ${columns.dialect.from}
       where e.ts >= ${fromUs} and e.ts < ${untilUs + Math.round(windowMs * 1000)} ${wanted}
    ) given where who is not null ${useful} order by who, ts, seq, bits`
  const [person, at, steps_, value_] = await columns.numbers(s.ask(limited(sql), 4))
  return {
    rows: checkedSize({ length: person!.length, person: person!, at: at!, steps: steps_!, value: value_! }),
    values,
    untilUs,
  }
}

export async function readPaths(
  columns: Columns,
  { fromUs, untilUs }: ZoneClock,
  { start }: PathsQuery,
  rule: PathRule,
  names: ReadonlyMap<number, string>,
): Promise<PathRows> {
  const s = new Statement(columns.dialect)
  const opens = (): string => `(e.ts >= ${fromUs} and e.ts < ${untilUs} and ${s.matches(start)})`
  const reach = Math.round(rule.depth * rule.gapUs)
  const near = rule.direction === 'after' ? `o.ts and o.ts + ${reach}` : `o.ts - ${reach} and o.ts`
  const sql = `select given.who as who, given.ts as ts, given.seq as seq, given.name_id as name_id, given.opens as opens from (
      select ${WHO} as who, e.ts as ts, e.seq as seq, e.name_id as name_id, case when ${opens()} then 1 else 0 end as opens
        from ${columns.dialect.from}
       where e.ts >= ${rule.direction === 'after' ? fromUs : fromUs - reach} and e.ts < ${rule.direction === 'after' ? untilUs + reach : untilUs}
    ) given join (
      select ${WHO} as who, min(e.ts) as ts from ${columns.dialect.from} where ${opens()} group by ${WHO}
    ) o on o.who = given.who where given.ts between ${near} order by who, ts, seq`
  const [person, at, seq, name, opening] = (await columns.numbers(s.ask(limited(sql), 5))) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  byNameAtEqualTimes({ person, at, seq, name, opening }, names)
  return checkedSize({ length: person.length, person, at, name, opens: opening })
}

/** [period of the range] as bits, for each kind of person and how many are of that kind. */
export async function readMasks(
  columns: Columns,
  clock: ZoneClock,
  query: RetentionQuery,
  periods: readonly string[],
): Promise<MaskCount[]> {
  const s = new Statement(columns.dialect)
  const { dialect } = columns
  const words = Math.ceil(periods.length / WORD)
  const day = dialect.divide(clock.wall('e.ts'), DAY_US)
  const within = periodIn(query.by, day, periods, (a, b) => dialect.divide(a, b))
  const period = `case when e.ts < ${clock.fromUs} then -1 else ${within} end`
  const bits = (name: string): string =>
    Array.from({ length: words }, (_, w) => {
      const place = `(period - ${w * WORD})`
      const isHere = `period >= ${w * WORD} and period < ${(w + 1) * WORD}`
      return `${dialect.bitOr(`case when ${isHere} then ${dialect.bit(`case when ${isHere} then ${place} else 0 end`)} else 0 end`)} as ${name}${w}`
    }).join(', ')
  const daysOf = (selection: Selection | undefined, wholePast: boolean): string => {
    const since = wholePast ? '' : `and e.ts >= ${clock.fromUs}`
    return `select ${WHO} as who, ${period} as period from ${dialect.from}
             where e.ts < ${clock.untilUs} ${since} ${selection ? `and ${s.matches(selection)}` : ''}`
  }
  const first = query.cohort !== 'recurring'
  const all = (name: string): string[] => Array.from({ length: words }, (_, w) => `${name}${w}`)
  const sql = `select first, ${[...all('s'), ...all('b').map((b) => `coalesce(${b}, 0) as ${b}`)].join(', ')}, count(*) as people from (
      select who, min(period) as first, max(period) as last, ${bits('s')} from (${daysOf(query.start, first)}) d group by who
    ) started left join (
      select who, ${bits('b')} from (${daysOf(query.back, false)}) d group by who
    ) back on back.who = started.who
    where last >= 0 group by first, ${[...all('s'), ...all('b')].join(', ')}`
  const found = await columns.numbers(s.ask(sql, 2 + 2 * words))
  const maskAt = (i: number, offset: number): bigint => {
    let mask = 0n
    for (let w = words - 1; w >= 0; w--) mask = (mask << BigInt(WORD)) | BigInt(found[offset + w]![i]!)
    return mask
  }
  return Array.from(found[0]!, (began, i) => ({
    first: began < 0 ? undefined : began,
    started: first ? 0n : maskAt(i, 1),
    back: maskAt(i, 1 + words),
    people: found.at(-1)![i]!,
  }))
}

export async function readTrend(columns: Columns, clock: ZoneClock, query: TrendQuery): Promise<TrendRow[]> {
  const { events, by, breakdown, count = 'events' } = query
  const range = { from: clock.fromUs, until: clock.untilUs }
  const { dialect } = columns
  const unit = by === 'hour' ? DAY_US / 24 : DAY_US
  const found = await Promise.all(
    events.map(async (selection, event) => {
      const values =
        breakdown === undefined ? [] : await commonValues(columns, [selection], breakdown, range, TREND_VALUES)
      const s = new Statement(dialect)
      const period = dialect.divide(clock.wall('e.ts'), unit)
      const place = breakdown === undefined ? '0' : s.placeOf(breakdown, values)
      // People of a week are no sum of people of days: periods are put together before anything is counted.
      const bucket = bucketOf(by, period, clock, query, (a, b) => dialect.divide(a, b))
      const number = count === 'events' ? 'count(*)' : 'count(distinct who)'
      const sql = `select place, bucket, ${number} as n from (
          select ${WHO} as who, ${place} as place, ${bucket} as bucket from ${dialect.from}
           where e.ts >= ${range.from} and e.ts < ${range.until} and ${s.matches(selection)}
        ) given group by place, bucket`
      const [places, buckets, counts] = await columns.numbers(s.ask(sql, 3))
      return Array.from(places!, (at, i): TrendRow => ({
        event,
        value: at < 2 ? null : values[at - 2]!,
        other: breakdown !== undefined && at === 1,
        time: timeOf(by, buckets![i]!),
        count: counts![i]!,
      }))
    }),
  )
  return found.flat()
}

/** Starts of the periods of a range, as in the report. */
export function timesOf({ from, to, by }: Pick<TrendQuery, 'from' | 'to' | 'by'>): string[] {
  const days = Array.from({ length: dayNumber(to) - dayNumber(from) + 1 }, (_, i) => dayNumber(from) + i)
  if (by === 'hour') return days.flatMap((day) => Array.from({ length: 24 }, (_, hour) => timeOf(by, day * 24 + hour)))
  return [...new Set(days.map((day) => startDay(by, dayOfNumber(day))))]
}

/** Bits of a word: a double holds them all. */
const WORD = 50

async function commonValues(
  columns: Columns,
  selections: readonly Selection[],
  property: string,
  { from, until }: { from: number; until: number },
  most: number,
): Promise<string[]> {
  const s = new Statement(columns.dialect)
  const text = s.property(property)
  const opens = selections.map((selection) => `(${s.matches(selection)})`).join(' or ')
  return columns.texts(
    s.ask(
      `select value from (
         select ${text} as value from ${columns.dialect.from} where e.ts >= ${from} and e.ts < ${until} and (${opens})
       ) given where value is not null group by value order by count(*) desc, value limit ${most}`,
      1,
    ),
  )
}

function hashOf(columns: Columns, text: string): string {
  return `case when ${text} is null then null else ${columns.dialect.hash(text)} end`
}

type Divide = (a: string, b: number) => string

/** SQL: the number of the period in which that day lies, the first of the range being 0. */
function periodIn(by: RetentionQuery['by'], day: string, periods: readonly string[], divide: Divide): string {
  const first = dayNumber(periods[0]!)
  if (by === 'day') return `${day} - ${first}`
  if (by === 'week') return divide(`(${day} - ${first})`, 7)
  const cases = periods.slice(1).map((start, n) => `when ${day} < ${dayNumber(start)} then ${n}`)
  return cases.length === 0 ? '0' : `case ${cases.join(' ')} else ${cases.length} end`
}

/** SQL: hours and days as their number, weeks and months as the number of their first day. */
function bucketOf(by: TrendQuery['by'], period: string, clock: ZoneClock, query: TrendQuery, divide: Divide): string {
  if (by === 'hour' || by === 'day') return period
  // The first of January 1970 was a Thursday.
  if (by === 'week') return `(${divide(`(${period} + 3)`, 7)} * 7 - 3)`
  const starts = timesOf(query).map(dayNumber)
  const cases = starts.slice(1).map((start, n) => `when ${period} < ${start} then ${starts[n]}`)
  return cases.length === 0 ? String(starts[0]) : `(case ${cases.join(' ')} else ${starts.at(-1)} end)`
}

function timeOf(by: TrendQuery['by'], bucket: number): string {
  return by === 'hour' ? new Date(bucket * 3_600_000).toISOString().slice(0, 16) : dayOfNumber(bucket)
}

function startDay(by: TrendQuery['by'], day: string): string {
  if (by === 'month') return `${day.slice(0, 7)}-01`
  return by === 'week' ? dayOfNumber(Math.floor((dayNumber(day) + 3) / 7) * 7 - 3) : day
}

interface PathColumns {
  person: Float64Array
  at: Float64Array
  seq: Float64Array
  name: Float64Array
  opening: Float64Array
}

/** Names are known to engines by their number; where that decides the order, it is by what they are called. */
function byNameAtEqualTimes({ person, at, seq, name, opening }: PathColumns, names: ReadonlyMap<number, string>): void {
  const called = (i: number): Buffer => Buffer.from(names.get(name[i]!) ?? '')
  for (let i = 1; i < person.length; i++) {
    for (let j = i; j > 0 && person[j] === person[j - 1] && at[j] === at[j - 1] && seq[j] === seq[j - 1]; j--) {
      if (called(j - 1).compare(called(j)) <= 0) break
      for (const column of [name, opening]) [column[j - 1], column[j]] = [column[j]!, column[j - 1]!]
    }
  }
}

function limited(sql: string): string {
  return `${sql} limit ${MOST_EVENTS + 1}`
}

function checkedSize<Rows extends { length: number }>(rows: Rows): Rows {
  if (rows.length > MOST_EVENTS) throw AnalyticsTooMany({ events: rows.length, most: MOST_EVENTS })
  return rows
}

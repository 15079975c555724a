/** A funnel on Postgres: it filters and sorts, and hands the rows over packed, so that a million of them are one value to
 *  parse instead of four million. */
import type { Sql } from '../../database/index.ts'
import type { FunnelQuery, FunnelReport } from '../analytics.ts'
import { checkFunnel } from '../check.ts'
import { AnalyticsTooMany } from '../errors.ts'
import { funnelOf, MOST_VALUES } from '../funnel-report.ts'
import type { FunnelRows } from '../funnel.ts'
import { int8At, viewOf } from './packed.ts'
import { bounds, EVENTS, matches, midnight, nameIds, Parameters, PERSON } from './selection.ts'

const MOST_EVENTS = 20_000_000

export async function funnel(sql: Sql, query: FunnelQuery, timeZone: string, nowMs: number): Promise<FunnelReport> {
  const started = performance.now()
  const { order, entry, windowMs } = checkFunnel(query)
  const ids = await nameIds(
    sql,
    query.steps.map(({ event }) => event),
  )
  const values = query.breakdown === undefined ? [] : await commonValues(sql, query, ids, timeZone)
  const { rows, untilUs } = await readRows(sql, query, ids, values, timeZone, order === 'strict', windowMs)
  const nowUs = (nowMs - POSTGRES_EPOCH_MS) * 1000
  const rule = { steps: query.steps.length, order, entry, windowUs: windowMs * 1000, untilUs, nowUs }
  return {
    ...funnelOf(rows, rule, query, values),
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

/** 2000-01-01, from which Postgres counts microseconds. */
const POSTGRES_EPOCH_MS = 946_684_800_000

/** The most frequent values of the breakdown among the events that open it; the others are counted together. */
async function commonValues(
  sql: Sql,
  query: FunnelQuery,
  ids: Map<string, number>,
  timeZone: string,
): Promise<string[]> {
  const p = new Parameters()
  const zone = `${p.add(timeZone)}::text`
  const opening = query.order === 'any' ? query.steps : query.steps.slice(0, 1)
  const opens = opening.map((step) => `(${matches(step, ids, p)})`).join(' or ')
  const { rows } = await sql.query<{ value: string }>(
    `select e.props ->> ${p.add(query.breakdown)}::text as value from tenfold.analytics_event e
      where ${bounds(midnight(p.add(query.from), zone), midnight(p.add(query.to), zone, 1))}
        and (${opens}) and e.props ->> ${p.add(query.breakdown)}::text is not null
      group by 1 order by count(*) desc, 1 limit ${MOST_VALUES}`,
    p.values,
  )
  return rows.map(({ value }) => value)
}

async function readRows(
  sql: Sql,
  query: FunnelQuery,
  ids: Map<string, number>,
  values: readonly string[],
  timeZone: string,
  othersToo: boolean,
  windowMs: number,
): Promise<{ rows: FunnelRows; untilUs: number }> {
  const p = new Parameters()
  const zone = `${p.add(timeZone)}::text`
  const from = midnight(p.add(query.from), zone)
  const until = midnight(p.add(query.to), zone, 1)
  const end = `${until} + ${p.add(windowMs)}::float8 * interval '1 millisecond'`
  const who = query.group === undefined ? PERSON : groupOf(p.add(query.group))
  // The plain conditions on names come first: they alone decide which part of the index is read.
  const wanted = othersToo ? '' : `and e.name_id = any(${p.add([...new Set(ids.values())])}::int[])`
  const bits = query.steps
    .map((step, k) => `(case when ${matches(step, ids, p)} then ${1 << k} else 0 end)`)
    .join(' | ')
  const value =
    query.breakdown === undefined
      ? '0'
      : `(case when e.props ->> ${p.add(query.breakdown)}::text is null then 0 else
           1 + coalesce(array_position(${p.add(values)}::text[], e.props ->> ${p.add(query.breakdown)}::text), 0) end)`
  const { rows } = await sql.query<{ until_us: string; events: string; packed: Buffer | null }>(
    `with given as materialized (
       select ${who} as who, e.ts, e.seq, (${bits})::int2 as bits, ${value}::int2 as value
         from ${EVENTS} where ${bounds(from, end)} ${wanted}
     ), useful as (
       select * from given where who is not null ${othersToo ? '' : 'and bits <> 0'}
     ), size as (
       select count(*) as events from useful
     )
     select (extract(epoch from ${until}) * 1000000)::bigint - ${POSTGRES_EPOCH_MS}000 as until_us, events,
            case when events <= ${MOST_EVENTS} then
              (select string_agg(int8send(who) || timestamptz_send(ts) || int2send(bits) || int2send(value), ''::bytea
                                 order by who, ts, seq, bits) from useful) end as packed
       from size`,
    p.values,
  )
  const { until_us, events, packed } = rows[0]!
  if (Number(events) > MOST_EVENTS) throw AnalyticsTooMany({ events: Number(events), most: MOST_EVENTS })
  return { rows: unpack(packed ?? Buffer.alloc(0)), untilUs: Number(until_us) }
}

/** A number for a group's name that a double can hold: two of a million groups meet with a chance of one in 18,000. */
function groupOf(type: string): string {
  return `(hashtextextended(e.props -> '$groups' ->> ${type}::text, 0) & 9007199254740991)`
}

const ROW_BYTES = 20

function unpack(packed: Buffer): FunnelRows {
  const length = packed.length / ROW_BYTES
  const rows = {
    length,
    person: new Float64Array(length),
    at: new Float64Array(length),
    steps: new Int16Array(length),
    value: new Int16Array(length),
  }
  const view = viewOf(packed)
  for (let i = 0, o = 0; i < length; i++, o += ROW_BYTES) {
    rows.person[i] = int8At(view, o)
    rows.at[i] = int8At(view, o + 8)
    rows.steps[i] = view.getInt16(o + 16)
    rows.value[i] = view.getInt16(o + 18)
  }
  return rows
}

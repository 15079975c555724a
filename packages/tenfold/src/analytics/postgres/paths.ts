/** Paths on Postgres: the events around the first opening one of each person, packed as a funnel's are. */
import type { Sql } from '../../database/index.ts'
import type { PathsQuery, PathsReport } from '../analytics.ts'
import { checkPaths } from '../check.ts'
import { AnalyticsTooMany } from '../errors.ts'
import { countPaths, END, OTHER, type PathRows, type PathRule } from '../paths.ts'
import { int8At, viewOf } from './packed.ts'
import { bounds, EVENTS, matches, midnight, nameIds, Parameters, PERSON } from './selection.ts'

const MOST_EVENTS = 10_000_000

export function paths(sql: Sql, query: PathsQuery, timeZone: string): Promise<PathsReport> {
  return pathsOf(sql, query, (rule) => readRows(sql, query, timeZone, rule), timeZone)
}

/** The names of events are here, wherever `read` finds the events. */
export async function pathsOf(
  sql: Sql,
  query: PathsQuery,
  read: (rule: PathRule) => Promise<PathRows>,
  timeZone: string,
): Promise<PathsReport> {
  const started = performance.now()
  const { direction, depth, gapMs } = checkPaths(query)
  const rule: PathRule = { direction, depth, gapUs: gapMs * 1000 }
  const { people, links } = countPaths(await read(rule), rule)
  const numbers = [...new Set(links.flatMap(({ from, to }) => [from, to]))].filter((name) => name >= 0)
  const { rows } = await sql.query<{ id: number; name: string }>(
    'select id, name from tenfold.analytics_name where id = any($1::int[])',
    [numbers],
  )
  const names = new Map<number, string>([[OTHER, '(other)'], ...rows.map(({ id, name }) => [id, name] as const)])
  return {
    people,
    links: links.map(({ step, from, to, people: n }) => ({
      step,
      from: names.get(from)!,
      to: to === END ? null : names.get(to)!,
      people: n,
    })),
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

async function readRows(sql: Sql, query: PathsQuery, timeZone: string, rule: PathRule): Promise<PathRows> {
  const ids = await nameIds(sql, [query.start.event])
  const p = new Parameters()
  const zone = `${p.add(timeZone)}::text`
  const inRange = bounds(midnight(p.add(query.from), zone), midnight(p.add(query.to), zone, 1))
  const opens = `${inRange} and ${matches(query.start, ids, p)}`
  const reach = `${p.add(rule.depth * rule.gapUs)}::float8 * interval '1 microsecond'`
  const near = rule.direction === 'after' ? `o.ts and o.ts + ${reach}` : `o.ts - ${reach} and o.ts`
  const { rows } = await sql.query<{ events: string; packed: Buffer | null }>(
    `with opening as materialized (
       select ${PERSON} as who, min(e.ts) as ts from ${EVENTS} where ${opens} group by 1
     ), given as materialized (
       select o.who, e.ts, e.seq, e.name_id, n.name, (case when ${opens} then 1 else 0 end)::int2 as opens
         from ${EVENTS} join opening o on o.who = ${PERSON} join tenfold.analytics_name n on n.id = e.name_id
        where e.ts between ${near}
     ), size as (
       select count(*) as events from given
     )
     select events, case when events <= ${MOST_EVENTS} then
              (select string_agg(int8send(who) || timestamptz_send(ts) || int4send(name_id) || int2send(opens), ''::bytea
                                 order by who, ts, seq, name collate "C") from given) end as packed
       from size`,
    p.values,
  )
  const { events, packed } = rows[0]!
  if (Number(events) > MOST_EVENTS) throw AnalyticsTooMany({ events: Number(events), most: MOST_EVENTS })
  return unpack(packed ?? Buffer.alloc(0))
}

const ROW_BYTES = 22

function unpack(packed: Buffer): PathRows {
  const length = packed.length / ROW_BYTES
  const rows = {
    length,
    person: new Float64Array(length),
    at: new Float64Array(length),
    name: new Int32Array(length),
    opens: new Int8Array(length),
  }
  const view = viewOf(packed)
  for (let i = 0, o = 0; i < length; i++, o += ROW_BYTES) {
    rows.person[i] = int8At(view, o)
    rows.at[i] = int8At(view, o + 8)
    rows.name[i] = view.getInt32(o + 16)
    rows.opens[i] = view.getInt16(o + 20)
  }
  return rows
}

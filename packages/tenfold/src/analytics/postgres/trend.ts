import type { Sql } from '../../database/index.ts'
import type { TrendQuery, TrendReport } from '../analytics.ts'
import { checkTrend } from '../check.ts'
import { MOST_VALUES, seriesOf, type TrendRow } from '../trend.ts'
import { EVENTS, bounds, matches, midnight, nameIds, Parameters, PERSON } from './selection.ts'

export async function trend(sql: Sql, query: TrendQuery, timeZone: string): Promise<TrendReport> {
  const started = performance.now()
  checkTrend(query)
  const { events, by, breakdown, count = 'events' } = query
  const ids = await nameIds(
    sql,
    events.map(({ event }) => event),
  )
  const p = new Parameters()
  const zone = `${p.add(timeZone)}::text`
  const from = midnight(p.add(query.from), zone)
  const until = midnight(p.add(query.to), zone, 1)
  const number = count === 'events' ? 'count(*)' : `count(distinct ${PERSON})`
  const value = breakdown === undefined ? 'null::text' : `e.props ->> ${p.add(breakdown)}::text`
  const of = (selection: (typeof events)[number], i: number): string => {
    const where = `${bounds(from, until)} and ${matches(selection, ids, p)}`
    const common = `select array_agg(value) from (select ${value} as value from ${EVENTS} where ${where} and ${value} is not null
      group by 1 order by count(*) desc, 1 limit ${MOST_VALUES}) c`
    const other = breakdown === undefined ? 'false' : `${value} is not null and not ${value} = any((${common})::text[])`
    // Times of a day or more are counted in local time, which a change to or from summer time stretches.
    return `select ${i} as event, case when not (${other}) then ${value} end as value, ${other} as other,
                   date_trunc('${by}', e.ts at time zone ${zone}) as time, ${number} as count
              from ${EVENTS} where ${where} group by 2, 3, 4`
  }
  const format = by === 'hour' ? 'YYYY-MM-DD"T"HH24:MI' : 'YYYY-MM-DD'
  const { rows } = await sql.query<TrendRow>(
    `select event, value, other, to_char(time, '${format}') as time, count from (${events.map(of).join(' union all ')}) s`,
    p.values,
  )
  const steps = await sql.query<{ time: string }>(
    `select to_char(t, '${format}') as time from generate_series(date_trunc('${by}', $1::date::timestamp),
       $2::date::timestamp + interval '1 day' - interval '1 hour', interval '1 ${by}') t`,
    [query.from, query.to],
  )
  const times = steps.rows.map(({ time }) => time)
  return {
    times,
    series: seriesOf(
      rows,
      times,
      events.map(({ event }) => event),
      breakdown !== undefined,
    ),
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

/** How many people were there, from the days of each: nothing reads events. */
import type { Sql } from '../../database/index.ts'
import type { ActivityQuery, ActivityReport, Range } from '../analytics.ts'
import { checkRange } from '../check.ts'

export async function activity(sql: Sql, query: ActivityQuery, timeZone: string): Promise<ActivityReport> {
  const started = performance.now()
  checkRange(query)
  const { from, to, of = ['daily', 'weekly', 'monthly', 'stickiness'] } = query
  const range = { from, to }
  const ask = (what: (typeof of)[number], answer: () => Promise<number[]>): Promise<number[]> =>
    of.includes(what) ? answer() : Promise.resolve([])
  const [daily, weekly, monthly, stickiness] = await Promise.all([
    ask('daily', () => daysOf(sql, range)),
    ask('weekly', () => windows(sql, range, 7)),
    ask('monthly', () => windows(sql, range, 28)),
    ask('stickiness', () => daysOfPeople(sql, range)),
  ])
  const { rows } = await sql.query<{ day: string }>(
    `select to_char(d, 'YYYY-MM-DD') as day from generate_series($1::date, $2::date, interval '1 day') d`,
    [range.from, range.to],
  )
  return {
    days: rows.map(({ day }) => day),
    daily,
    weekly,
    monthly,
    stickiness,
    timeZone,
    tookMs: Math.round(performance.now() - started),
  }
}

async function daysOf(sql: Sql, { from, to }: Range): Promise<number[]> {
  const { rows } = await sql.query<{ people: string }>(
    `select coalesce(people, 0) as people from generate_series($1::date, $2::date, interval '1 day') d
       left join (select day, count(*) as people from tenfold.analytics_person_day
                   where day between $1::date and $2::date group by day) n on n.day = d::date
      order by d`,
    [from, to],
  )
  return rows.map(({ people }) => Number(people))
}

/** For each day, how many people were there on any of the `length` days that end with it. Each person's days cover the
 *  days after them, up to the next one of theirs: where covers begin and end is added up, so that every day of a person is
 *  read once however long the window is. */
async function windows(sql: Sql, { from, to }: Range, length: number): Promise<number[]> {
  const { rows } = await sql.query<{ people: string }>(
    `with days as (
           select person_id, day, lead(day) over (partition by person_id order by day) as next
             from tenfold.analytics_person_day where day > $1::date - $3::int and day <= $2::date
         ), edges as (
           select greatest(day, $1::date) as day, 1 as change from days where next is null or next > $1::date
           union all
           select least(next, day + $3::int), -1 from days
            where (next is null or next > $1::date) and least(next, day + $3::int) <= $2::date
         ), changes as (
           select day, sum(change) as change from edges group by day
         )
         select sum(coalesce(change, 0)) over (order by d) as people
           from generate_series($1::date, $2::date, interval '1 day') d left join changes on changes.day = d::date
          order by d`,
    [from, to, length],
  )
  return rows.map(({ people }) => Number(people))
}

async function daysOfPeople(sql: Sql, { from, to }: Range): Promise<number[]> {
  const { rows } = await sql.query<{ days: string; people: string }>(
    `select days, count(*) as people from (
       select count(*) as days from tenfold.analytics_person_day where day between $1::date and $2::date group by person_id
     ) p group by days`,
    [from, to],
  )
  const most = Math.max(0, ...rows.map(({ days }) => Number(days)))
  const found = new Map(rows.map(({ days, people }) => [Number(days), Number(people)]))
  return Array.from({ length: most }, (_, i) => found.get(i + 1) ?? 0)
}

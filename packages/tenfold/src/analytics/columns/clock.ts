/** Days of a time zone, as arithmetic on microseconds: engines need to know nothing of time zones, and agree with Postgres,
 *  which is asked. */
import type { Sql } from '../../database/index.ts'
import type { Range } from '../analytics.ts'

export const DAY_US = 86_400_000_000

export interface ZoneClock {
  /** The midnights between which the range lies, in microseconds since 1970. */
  fromUs: number
  untilUs: number
  /** SQL: microseconds that a clock on the wall would have counted at that time; for times of the range. */
  wall(ts: string): string
}

export async function clockOf(sql: Sql, { from, to }: Range, timeZone: string): Promise<ZoneClock> {
  const { rows } = await sql.query<{ from_us: string; until_us: string; at_us: string; offset_us: string }>(
    `with edges as (
       select $1::date::timestamp at time zone $3::text as first, ($2::date + 1)::timestamp at time zone $3::text as last
     ), offsets as (
       select t, (t at time zone $3::text) - (t at time zone 'UTC') as length
         from edges, generate_series(date_trunc('hour', first), last, interval '30 minutes') t
     ), changes as (
       select t, length from (select *, lag(length) over (order by t) as before from offsets) o
        where before is distinct from length
     )
     select (extract(epoch from first) * 1000000)::bigint as from_us, (extract(epoch from last) * 1000000)::bigint as until_us,
            (extract(epoch from t) * 1000000)::bigint as at_us, (extract(epoch from length) * 1000000)::bigint as offset_us
       from edges, changes order by t`,
    [from, to, timeZone],
  )
  const [first, ...later] = rows
  return {
    fromUs: Number(first!.from_us),
    untilUs: Number(first!.until_us),
    wall: (ts) => {
      const last = rows.at(-1)!.offset_us
      const cases = later.map(({ at_us }, i) => `when ${ts} < ${at_us} then ${rows[i]!.offset_us}`)
      return cases.length === 0 ? `(${ts} + ${last})` : `(${ts} + case ${cases.join(' ')} else ${last} end)`
    },
  }
}

/** The number of a day since 1970. */
export function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 86_400_000
}

export function dayOfNumber(number: number): string {
  return new Date(number * 86_400_000).toISOString().slice(0, 10)
}

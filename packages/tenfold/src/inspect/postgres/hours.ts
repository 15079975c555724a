import type { Sql } from '../../database/index.ts'

/** One route, query or job by the hour. */
export interface HoursOf {
  kind: 'request' | 'query' | 'job'
  name: string
  /** [time, how many, mean in ms], oldest first; the running hour is left out. */
  hours: [at: number, count: number, meanMs: number][]
}

/** Of what cost most in the last day: at most `most` of each kind, over the last `days`. */
export async function readHours(sql: Sql, { days, most }: { days: number; most: number }): Promise<HoursOf[]> {
  const { rows } = await sql.query<{ kind: HoursOf['kind']; name: string; hours: HoursOf['hours'] }>(
    `with known as (
       select time, kind, name, count, total_ms from tenfold.telemetry_operation_1h
        where time >= now() - make_interval(days => $1) and kind in ('request', 'query', 'job') and name <> '*'
       union all
       select date_trunc('hour', time, 'UTC'), kind, name, count, total_ms from tenfold.telemetry_operation_1m
        where time >= coalesce((select until from tenfold.telemetry_rolled_up), '-infinity')
          and time >= now() - make_interval(days => $1) and time < date_trunc('hour', now(), 'UTC')
          and kind in ('request', 'query', 'job') and name <> '*'
     ), costly as (
       select kind, name, row_number() over (partition by kind order by sum(total_ms) desc) as place
         from known where time >= now() - interval '26 hours' group by kind, name
     ), hours as (
       select kind, name, time, sum(count)::float8 as count, (sum(total_ms) / sum(count))::float8 as mean
         from known join costly using (kind, name) where place <= $2 group by kind, name, time
     )
     select kind, name, json_agg(json_build_array(extract(epoch from time) * 1000, count, mean) order by time) as hours
       from hours group by kind, name`,
    [days, most],
  )
  return rows
}

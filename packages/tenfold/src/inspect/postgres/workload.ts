import type { Sql } from '../../database/index.ts'

export interface RecordedQuery {
  module: string
  text: string
  /** How often it ran in those days. */
  calls: number
}

/** What the modules have sent to the database in the last `days`, the most frequent first; at most 500. */
export async function readWorkload(sql: Sql, { days }: { days: number }): Promise<RecordedQuery[]> {
  const { rows } = await sql.query<RecordedQuery>(
    `with counted as (
       select name, sum(count)::float8 as calls
         from (select name, count from tenfold.telemetry_operation_1h
                where kind = 'query' and time >= now() - make_interval(days => $1)
               union all
               select name, count from tenfold.telemetry_operation_1m
                where kind = 'query' and time >= coalesce((select until from tenfold.telemetry_rolled_up), '-infinity')
                  and time >= now() - make_interval(days => $1)) all_of
        group by name
     ), texts as (
       select module, name, min(text) as text from tenfold.telemetry_statement
        where module <> 'tenfold' and seen_at >= now() - make_interval(days => $1 + 1)
        group by module, name
     )
     select module, text, coalesce(calls, 1) as calls from texts left join counted using (name)
      order by calls desc, module, text limit 500`,
    [days],
  )
  return rows
}

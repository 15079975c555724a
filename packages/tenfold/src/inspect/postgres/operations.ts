import type { Sql } from '../../database/index.ts'
import { LogLinear, type SpanKind } from '../../telemetry/index.ts'
import { ALL } from '../accumulate.ts'

/** What is known of one name, or of one slot of time, over all processes. */
export interface Operation {
  module: string
  name: string
  timeMs: number
  count: number
  errors: number
  totalMs: number
  inner: number
  durations: LogLinear
}

interface Row extends Omit<Operation, 'durations'> {
  numbers: number[] | null
  counts: number[] | null
}

/** The minute rows of a process come up to a minute and a flush late; until then its rows by ten seconds count. */
const SETTLED_MS = 150_000
const FINE_WINDOW_MS = 15 * 60_000
const MINUTES_WINDOW_MS = 2 * 3_600_000
const HOUR = 3_600_000

export interface Span {
  fromMs: number
  /** Before it the rows by the minute are read, from it on those by ten seconds. */
  cutMs: number
  /** From here on whole hours are read where they are added up already; `cutMs` for none. */
  hoursFromMs: number
}

export function spanOf(minutes: number, nowMs: number): Span {
  const fromMs = nowMs - minutes * 60_000
  const settled = Math.floor((nowMs - SETTLED_MS) / 60_000) * 60_000
  const cutMs = minutes * 60_000 <= FINE_WINDOW_MS ? fromMs : Math.max(fromMs, settled)
  const hoursFromMs = minutes * 60_000 <= MINUTES_WINDOW_MS ? cutMs : Math.ceil(fromMs / HOUR) * HOUR
  return { fromMs, cutMs, hoursFromMs }
}

/** By name: each name of that kind, the costliest in total first, at most `limit`. */
export function operationsByName(sql: Sql, kind: SpanKind, span: Span, limit: number): Promise<Operation[]> {
  return read(sql, `module, name, 0::float8 as "timeMs"`, ['name <> $6', ALL], kind, span, limit)
}

/** By time: of one name, or the sum over all names of that kind, the newest first. `stepMs` is the length of a slot. */
export function operationsByTime(
  sql: Sql,
  kind: SpanKind,
  span: Span,
  stepMs: number,
  name: string = ALL,
): Promise<Operation[]> {
  const slot = `floor(extract(epoch from time) * 1000 / ${stepMs}) * ${stepMs}`
  return read(sql, `'' as module, '' as name, (${slot})::float8 as "timeMs"`, ['name = $6', name], kind, span, 100_000)
}

async function read(
  sql: Sql,
  key: string,
  [where, name]: [condition: string, name: string],
  kind: SpanKind,
  span: Span,
  limit: number,
): Promise<Operation[]> {
  const columns = 'time, module, name, count, errors, total_ms, inner_count, first_bucket, buckets'
  const { rows } = await sql.query<Row>(
    `with hours as (
       select greatest(least(coalesce(max(until), '-infinity'), to_timestamp($3::float8 / 1000)), to_timestamp($5::float8 / 1000)) as until
         from tenfold.telemetry_rolled_up
     ), source as (
       select ${columns} from tenfold.telemetry_operation_1h
        where kind = $1 and ${where} and time >= to_timestamp($5::float8 / 1000) and time < (select until from hours)
       union all
       select ${columns} from tenfold.telemetry_operation_1m
        where kind = $1 and ${where} and time >= to_timestamp($2::float8 / 1000) and time < to_timestamp($5::float8 / 1000)
       union all
       select ${columns} from tenfold.telemetry_operation_1m
        where kind = $1 and ${where} and time >= (select until from hours) and time < to_timestamp($3::float8 / 1000)
       union all
       select ${columns} from tenfold.telemetry_operation_10s
        where kind = $1 and ${where} and time >= to_timestamp($3::float8 / 1000)
     ), keyed as (
       select ${key}, count, errors, total_ms, inner_count, first_bucket, buckets from source
     ), totals as (
       select module, name, "timeMs", sum(count)::float8 as count, sum(errors)::float8 as errors,
              sum(total_ms)::float8 as "totalMs", sum(inner_count)::float8 as inner
         from keyed group by module, name, "timeMs" order by "timeMs" desc, "totalMs" desc limit $4
     ), counts as (
       select module, name, "timeMs", first_bucket + place::int - 1 as bucket, sum(n)::float8 as n
         from keyed, unnest(buckets) with ordinality as u (n, place)
        where n > 0 group by 1, 2, 3, 4
     )
     select t.*, c.numbers, c.counts
       from totals t left join (
         select module, name, "timeMs", array_agg(bucket) as numbers, array_agg(n) as counts
           from counts group by module, name, "timeMs") c using (module, name, "timeMs")
      order by "timeMs" desc, "totalMs" desc`,
    [kind, span.fromMs, span.cutMs, limit, span.hoursFromMs, name],
  )
  return rows.map(({ numbers, counts, ...row }) => ({
    ...row,
    durations: histogram(row.totalMs, numbers ?? [], counts ?? []),
  }))
}

function histogram(totalMs: number, numbers: readonly number[], counts: readonly number[]): LogLinear {
  const merged = new LogLinear()
  numbers.forEach((first, i) => merged.merge({ first, counts: [counts[i]!] }, { sum: 0 }))
  merged.sum = totalMs
  return merged
}

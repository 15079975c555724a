import type { Sql } from '../../database/index.ts'
import { type LogLinear, middleOf } from '../../telemetry/index.ts'
import { operationsByName, spanOf } from './operations.ts'

/** What planning is made from: how much ran in each slot of time, and how much CPU the app's processes took. */
export interface RecordedDemand {
  slotSeconds: number
  slots: { cpuSeconds: number; counts: Record<string, number> }[]
  operations: {
    kind: 'request' | 'job'
    name: string
    count: number
    /** Milliseconds, of one. */
    meanMs: number
    queries: number
    /** Squared coefficient of variation of the durations. */
    cv2: number
  }[]
  /** Of the traces that were kept: milliseconds in the database, of the middle one. */
  databaseMs: Record<string, number>
  /** Of all statements: how often, and milliseconds as the app sees them; those that only read, apart. */
  statements: { count: number; totalMs: number; readMs: number }
  /** The same by query class, without values; the costliest first, at most 40. */
  queries: { query: string; module: string; count: number; totalMs: number; reads: boolean }[]
}

const MOST_SLOTS = 240
const MOST_TRACES = 3000
const MOST_QUERIES = 40
/** Of the text of a statement: whether it plainly reads. */
const READS = `t.text ~* '^\\s*(select|with)\\M' and t.text !~* '\\m(for (no key )?update|for (key )?share|insert|update|delete)\\M'`

/** Of the last `minutes`, from the rows by the minute, which are kept for two weeks by default. */
export async function readDemand(
  sql: Sql,
  { minutes: long, nowMs }: { minutes: number; nowMs: number },
): Promise<RecordedDemand> {
  const [fromMs, toMs] = [nowMs - long * 60_000, nowMs]
  const minutes = Math.max(1, Math.ceil((toMs - fromMs) / 60_000 / MOST_SLOTS))
  const slotSeconds = minutes * 60
  const span = [fromMs / 1000, toMs / 1000]
  const slot = `floor(extract(epoch from time) / ${slotSeconds})::int`
  const { rows: counted } = await sql.query<{ slot: number; name: string; count: number }>(
    `select ${slot} as slot, name, sum(count)::float8 as count from tenfold.telemetry_operation_1m
      where kind in ('request', 'job') and name <> '*' and time >= to_timestamp($1) and time < to_timestamp($2) group by 1, 2`,
    span,
  )
  const { rows: used } = await sql.query<{ slot: number; cpu: number }>(
    `select ${slot} as slot, sum(cpu_percent)::float8 * 0.6 as cpu from tenfold.telemetry_runtime_1m
      where time >= to_timestamp($1) and time < to_timestamp($2) group by 1`,
    span,
  )
  const { rows: traced } = await sql.query<{ name: string; ms: number }>(
    `with kept as (
       select name, (select coalesce(sum((span ->> 'took')::float8), 0) / 1000 from jsonb_array_elements(spans) span
                      where span ->> 'kind' = 'query') as ms
         from (select name, spans from tenfold.telemetry_trace
                where kind in ('request', 'job') and not failed and started_at >= to_timestamp($1) and started_at < to_timestamp($2)
                order by started_at desc limit ${MOST_TRACES}) newest
     ) select name, percentile_cont(0.5) within group (order by ms)::float8 as ms from kept group by name`,
    span,
  )
  const { rows: statements } = await sql.query<RecordedDemand['statements']>(
    `select coalesce(sum(o.count), 0)::float8 as count, coalesce(sum(o.total_ms), 0)::float8 as "totalMs",
            coalesce(sum(o.total_ms) filter (where ${READS}), 0)::float8 as "readMs"
       from tenfold.telemetry_operation_1m o left join tenfold.telemetry_query_text t using (name)
      where o.kind = 'query' and o.module <> 'tenfold' and o.time >= to_timestamp($1) and o.time < to_timestamp($2)`,
    span,
  )
  const { rows: queries } = await sql.query<RecordedDemand['queries'][number]>(
    `select t.text as query, o.module, sum(o.count)::float8 as count, sum(o.total_ms)::float8 as "totalMs", bool_and(${READS}) as reads
       from tenfold.telemetry_operation_1m o join tenfold.telemetry_query_text t using (name)
      where o.kind = 'query' and o.module <> 'tenfold' and o.time >= to_timestamp($1) and o.time < to_timestamp($2)
      group by 1, 2 order by 4 desc limit ${MOST_QUERIES}`,
    span,
  )
  const bySlot = Map.groupBy(counted, (row) => row.slot)
  return {
    slotSeconds,
    slots: used.map((row) => ({
      cpuSeconds: row.cpu,
      counts: Object.fromEntries((bySlot.get(row.slot) ?? []).map(({ name, count }) => [name, count])),
    })),
    operations: [
      ...(await operationsOf(sql, 'request', long, nowMs)),
      ...(await operationsOf(sql, 'job', long, nowMs)),
    ],
    databaseMs: Object.fromEntries(traced.map(({ name, ms }) => [name, ms])),
    statements: statements[0]!,
    queries,
  }
}

async function operationsOf(
  sql: Sql,
  kind: 'request' | 'job',
  minutes: number,
  nowMs: number,
): Promise<RecordedDemand['operations']> {
  const found = await operationsByName(sql, kind, spanOf(minutes, nowMs), 200)
  return found.map(({ name, count, totalMs, inner, durations }) => ({
    kind,
    name,
    count,
    meanMs: totalMs / Math.max(1, count),
    queries: inner / Math.max(1, count),
    cv2: variationOf(durations),
  }))
}

function variationOf(durations: LogLinear): number {
  const { first, counts } = durations.buckets()
  const { mean, count } = durations
  if (count < 2 || mean === 0) return 1
  const squares = counts.reduce((sum, n, i) => sum + n * (middleOf(first + i) - mean) ** 2, 0)
  return squares / count / (mean * mean)
}

import type { Sql } from '../../database/index.ts'
import { type Buckets, LogLinear } from '../../telemetry/index.ts'
import type { MetricRow } from '../metrics.ts'
import { toJson } from './json.ts'

export async function writeMetrics(sql: Sql, instanceId: string, rows: readonly MetricRow[]): Promise<number> {
  if (rows.length === 0) return 0
  const values = rows.map(({ timeMs, buckets, ...row }) => ({
    ...row,
    time: new Date(timeMs),
    first_bucket: buckets?.first,
    buckets: buckets?.counts,
  }))
  const { rowCount } = await sql.query(
    `insert into tenfold.telemetry_metric (time, instance_id, name, kind, labels, value, count, first_bucket, buckets)
     select time, $1, name, kind, labels, value, count, first_bucket, buckets
       from jsonb_to_recordset($2::jsonb) as x(time timestamptz, name text, kind text, labels jsonb, value float8,
            count bigint, first_bucket int, buckets int[])`,
    [instanceId, toJson(values)],
  )
  return rowCount
}

/** One series of one process, over a window of time. */
export interface MetricSeries {
  instanceId: string
  kind: MetricRow['kind']
  labels: Record<string, string>
  /** Of a counter: what it gained. Of a histogram: the sum of its values. */
  sum: number
  /** Of the slots: what a gauge said. */
  last: number
  min: number
  max: number
  avg: number
  slots: number
  /** Of a histogram. */
  values: LogLinear
}

type SeriesRow = Omit<MetricSeries, 'values'> & { histograms: Buckets[] | null }

/** What a metric did from `fromMs` on, before `toMs`, for each process and set of labels. */
export async function readMetric(sql: Sql, name: string, fromMs: number, toMs: number): Promise<MetricSeries[]> {
  const { rows } = await sql.query<SeriesRow>(
    `select instance_id as "instanceId", kind, labels, sum(value)::float8 as sum, min(value)::float8 as min,
            max(value)::float8 as max, avg(value)::float8 as avg, count(*)::int as slots,
            (array_agg(value order by time desc))[1]::float8 as last,
            jsonb_agg(jsonb_build_object('first', first_bucket, 'counts', buckets)) filter (where buckets is not null)
              as histograms
       from tenfold.telemetry_metric
      where name = $1 and time >= to_timestamp($2::float8 / 1000) and time < to_timestamp($3::float8 / 1000)
      group by instance_id, kind, labels
      limit 5000`,
    [name, fromMs, toMs],
  )
  return rows.map(({ histograms, ...row }) => ({ ...row, values: merged(histograms ?? []) }))
}

export interface MetricSlot {
  timeMs: number
  labels: Record<string, string>
  sum: number
  max: number
  values: LogLinear
}

type SlotRow = Omit<MetricSlot, 'values'> & { histograms: Buckets[] | null }

/** The same by slots of `stepMs`, over all processes together, oldest first. */
export async function readMetricByTime(
  sql: Sql,
  name: string,
  fromMs: number,
  toMs: number,
  stepMs: number,
): Promise<MetricSlot[]> {
  const { rows } = await sql.query<SlotRow>(
    `select floor(extract(epoch from time) * 1000 / $4::float8)::float8 * $4::float8 as "timeMs", labels,
            sum(value)::float8 as sum, max(value)::float8 as max,
            jsonb_agg(jsonb_build_object('first', first_bucket, 'counts', buckets)) filter (where buckets is not null)
              as histograms
       from tenfold.telemetry_metric
      where name = $1 and time >= to_timestamp($2::float8 / 1000) and time < to_timestamp($3::float8 / 1000)
      group by 1, labels order by 1
      limit 50000`,
    [name, fromMs, toMs, stepMs],
  )
  return rows.map(({ histograms, ...row }) => ({ ...row, values: merged(histograms ?? []) }))
}

function merged(histograms: readonly Buckets[]): LogLinear {
  const all = new LogLinear()
  for (const one of histograms) all.merge(one)
  return all
}

import { createHash } from 'node:crypto'
import type { Sql } from '../../database/index.ts'
import { maskText, REDACTED, type Redactor, type RuntimeSample, type TraceRecord } from '../../telemetry/index.ts'
import type { Point } from '../accumulate.ts'
import type { FoundPoint } from '../findings.ts'
import { type LogLine, LEVELS } from '../loglines.ts'
import { failed, statusOf } from '../sampler.ts'
import type { MetricRow } from '../metrics.ts'
import { writeFindings } from './findings.ts'
import { toJson } from './json.ts'
import { writeMetrics } from './metrics.ts'

export interface RuntimePoint extends RuntimeSample {
  timeMs: number
}

/** What one flush writes: one statement for each table. */
export interface Batch {
  tenSeconds: Point[]
  minutes: Point[]
  runtimeTenSeconds: RuntimePoint[]
  runtimeMinutes: RuntimePoint[]
  traces: TraceRecord[]
  logs: LogLine[]
  findings: FoundPoint[]
  metrics: MetricRow[]
}

export interface Heartbeat {
  roles: readonly string[]
  pid: number
  host: string
  startedAtMs: number
  runtime: RuntimeSample
  droppedTraces: number
  flushMs: number
  /** How long this report speaks for the process. */
  goodForMs: number
  /** Version of the app. */
  release: string
}

const MAX_TEXT = 4000
const MAX_FIELDS = 16_384

/** Writes batches for one process. */
export class Writer {
  private readonly instanceId: string
  private readonly redactor: Redactor
  private readonly keys = new Map<string, string>()

  constructor(instanceId: string, redactor: Redactor) {
    this.instanceId = instanceId
    this.redactor = redactor
  }

  async write(sql: Sql, batch: Batch): Promise<number> {
    let rows = 0
    rows += await this.operations(sql, 'telemetry_operation_10s', batch.tenSeconds)
    rows += await this.operations(sql, 'telemetry_operation_1m', batch.minutes)
    rows += await this.runtime(sql, 'telemetry_runtime_10s', batch.runtimeTenSeconds)
    rows += await this.runtime(sql, 'telemetry_runtime_1m', batch.runtimeMinutes)
    rows += await this.traces(sql, batch.traces)
    rows += await this.logs(sql, batch.logs)
    rows += await writeMetrics(sql, this.instanceId, batch.metrics)
    rows += await writeFindings(sql, this.instanceId, batch.findings)
    return rows
  }

  /** Texts of queries not seen today. */
  async queryTexts(sql: Sql, points: readonly Point[], known: Set<string>): Promise<void> {
    const texts = new Map<string, string>()
    for (const { kind, name } of points) if (kind === 'query' && !known.has(name)) texts.set(this.keyOf(name), name)
    if (texts.size === 0) return
    await sql.query(
      `insert into tenfold.telemetry_query_text (name, text)
       select name, text from jsonb_to_recordset($1::jsonb) as x(name text, text text)
       on conflict (name) do update set seen_on = current_date where telemetry_query_text.seen_on < current_date`,
      [toJson([...texts].map(([name, text]) => ({ name, text: text.slice(0, MAX_TEXT * 4) })))],
    )
    for (const text of texts.values()) known.add(text)
  }

  async heartbeat(sql: Sql, beat: Heartbeat): Promise<void> {
    const { runtime } = beat
    await sql.query(
      `insert into tenfold.telemetry_process values
         ($1, $2, $3, $4, to_timestamp($5::float8 / 1000), now(),
          now() + make_interval(secs => $12::float8 / 1000), $6, $7, $8, $9, $10, $11, $13)
       on conflict (instance_id) do update set
         seen_at = excluded.seen_at, good_until = excluded.good_until, roles = excluded.roles, cpu_percent = excluded.cpu_percent,
         memory_bytes = excluded.memory_bytes, event_loop_utilization = excluded.event_loop_utilization,
         event_loop_delay_p99 = excluded.event_loop_delay_p99, dropped_traces = excluded.dropped_traces,
         flush_ms = excluded.flush_ms, release = excluded.release`,
      [
        this.instanceId,
        [...beat.roles],
        beat.pid,
        beat.host,
        beat.startedAtMs,
        runtime.cpuPercent,
        runtime.memoryBytes,
        runtime.eventLoopUtilization,
        runtime.eventLoopDelayP99,
        beat.droppedTraces,
        beat.flushMs,
        beat.goodForMs,
        beat.release,
      ],
    )
  }

  async leave(sql: Sql): Promise<void> {
    await sql.query('delete from tenfold.telemetry_process where instance_id = $1', [this.instanceId])
  }

  private async operations(sql: Sql, table: string, points: readonly Point[]): Promise<number> {
    if (points.length === 0) return 0
    const rows = points.map(({ timeMs, kind, module, name, errors, inner, durations }) => {
      const { first, counts } = durations.buckets()
      return {
        time: new Date(timeMs),
        kind,
        module,
        name: kind === 'query' ? this.keyOf(name) : name.slice(0, MAX_TEXT),
        count: durations.count,
        errors,
        total_ms: durations.sum,
        inner_count: inner,
        first_bucket: first,
        buckets: counts,
      }
    })
    const result = await sql.query(
      `insert into tenfold.${table}
         (time, instance_id, kind, module, name, count, errors, total_ms, inner_count, first_bucket, buckets)
       select time, $1, kind, module, name, count, errors, total_ms, inner_count, first_bucket, buckets
         from jsonb_to_recordset($2::jsonb) as x(time timestamptz, kind text, module text, name text, count bigint,
              errors bigint, total_ms float8, inner_count bigint, first_bucket int, buckets int[])`,
      [this.instanceId, toJson(rows)],
    )
    return result.rowCount
  }

  private async runtime(sql: Sql, table: string, points: readonly RuntimePoint[]): Promise<number> {
    if (points.length === 0) return 0
    const rows = points.map((point) => ({
      time: new Date(point.timeMs),
      cpu: point.cpuPercent,
      memory: Math.round(point.memoryBytes),
      utilization: point.eventLoopUtilization,
      delay: point.eventLoopDelayP99,
    }))
    const result = await sql.query(
      `insert into tenfold.${table}
         (time, instance_id, cpu_percent, memory_bytes, event_loop_utilization, event_loop_delay_p99)
       select time, $1, cpu, memory, utilization, delay
         from jsonb_to_recordset($2::jsonb) as x(time timestamptz, cpu real, memory bigint, utilization real, delay real)`,
      [this.instanceId, toJson(rows)],
    )
    return result.rowCount
  }

  private async traces(sql: Sql, traces: readonly TraceRecord[]): Promise<number> {
    if (traces.length === 0) return 0
    const rows = traces.map((trace) => ({
      started_at: trace.startUs,
      trace_id: trace.traceId,
      kind: trace.kind,
      name: trace.name.slice(0, MAX_TEXT),
      module: trace.module,
      duration_ms: trace.durationUs / 1000,
      status: statusOf(trace),
      failed: failed(trace),
      error: trace.error?.slice(0, MAX_TEXT),
      user_id: trace.userId?.slice(0, 200),
      queries: trace.spans.filter((span) => span.kind === 'query').length,
      dropped_spans: trace.droppedSpans,
      span_count: trace.spans.length,
      findings: trace.findings,
      spans: trace.spans.map((span) => ({
        id: span.spanId,
        parent: span.parentId,
        kind: span.kind,
        name: span.name.slice(0, MAX_TEXT),
        module: span.module,
        // From the start of the root, and how long: microseconds.
        at: span.startUs - trace.startUs,
        took: span.durationUs,
        error: span.error,
        ...(Object.keys(span.attributes).length > 0 && { with: this.attributes(span.attributes) }),
      })),
    }))
    const result = await sql.query(
      `insert into tenfold.telemetry_trace
         (started_at, trace_id, instance_id, kind, name, module, duration_ms, status, failed, error, user_id, queries,
          dropped_spans, span_count, spans, findings)
       select to_timestamp(started_at / 1000000.0), trace_id, $1, kind, name, module, duration_ms, status, failed, error,
              user_id, queries, dropped_spans, span_count, spans, findings
         from jsonb_to_recordset($2::jsonb) as x(started_at float8, trace_id uuid, kind text, name text, module text,
              duration_ms float8, status int, failed boolean, error text, user_id text, queries int, dropped_spans int,
              span_count int, spans jsonb, findings jsonb)`,
      [this.instanceId, toJson(rows)],
    )
    return result.rowCount
  }

  private async logs(sql: Sql, lines: readonly LogLine[]): Promise<number> {
    if (lines.length === 0) return 0
    const rows = lines.map((line) => ({
      time: new Date(line.timeMs),
      id: line.id,
      level: LEVELS[line.level],
      message: line.message.slice(0, MAX_TEXT),
      trace_id: line.traceId,
      fields: bounded(line.fields),
    }))
    const result = await sql.query(
      `insert into tenfold.telemetry_log (time, id, level, message, trace_id, instance_id, fields)
       select time, id, level, message, trace_id, $1, fields
         from jsonb_to_recordset($2::jsonb) as x(time timestamptz, id bigint, level smallint, message text, trace_id uuid,
              fields jsonb)`,
      [this.instanceId, toJson(rows)],
    )
    return result.rowCount
  }

  private attributes(attributes: TraceRecord['spans'][number]['attributes']): Record<string, unknown> {
    const kept: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'tenfold.module') continue
      kept[name] =
        typeof value !== 'string' ? value : this.redactor.isSecret(name) ? REDACTED : maskText(value).slice(0, MAX_TEXT)
    }
    return kept
  }

  private keyOf(text: string): string {
    const known = this.keys.get(text)
    if (known !== undefined) return known
    const key = createHash('sha256').update(text).digest('hex').slice(0, 16)
    if (this.keys.size >= 5000) this.keys.clear()
    this.keys.set(text, key)
    return key
  }
}

function bounded(fields: Record<string, unknown>): Record<string, unknown> {
  const json = JSON.stringify(fields)
  return json.length <= MAX_FIELDS ? fields : { truncated: true, json: json.slice(0, MAX_FIELDS) }
}

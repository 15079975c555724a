import type { Sql } from '../../database/index.ts'
import type { Finding } from '../../telemetry/index.ts'
import type { LogRow, TraceDetail, TraceSummary } from '../api.ts'
import type { TraceFilter } from '../sources.ts'
import { isKept } from '../findings.ts'
import { described } from './findings.ts'

interface Row {
  traceId: string
  kind: string
  name: string
  module: string | null
  startedAt: number
  durationMs: number
  status: number | null
  error: string | null
  userId: string | null
  spans: number
  queries: number
}

interface StoredSpan {
  id: string
  parent?: string
  kind: string
  name: string
  module?: string
  at: number
  took: number
  error?: string
  with?: Record<string, string | number | boolean>
}

const SUMMARY = `replace(trace_id::text, '-', '') as "traceId", kind, name, module,
  extract(epoch from started_at)::float8 * 1000 as "startedAt", duration_ms as "durationMs", status, error,
  user_id as "userId", span_count as spans, queries`

const TRACE_ID = /^[0-9a-f]{32}$/

export async function readTraces(sql: Sql, filter: TraceFilter): Promise<TraceSummary[]> {
  const { kind, name, min, error, before, limit } = filter
  const { rows } = await sql.query<Row>(
    `select ${SUMMARY} from tenfold.telemetry_trace
      where ($1::text is null or kind = $1)
        and ($2::text is null or position(lower($2) in lower(name)) > 0)
        and ($3::float8 is null or duration_ms >= $3)
        and (not $4::boolean or failed)
        and ($5::float8 is null or started_at < to_timestamp($5 / 1000))
      order by started_at desc limit $6`,
    [kind ?? null, name ?? null, min ?? null, error ?? false, before ?? null, limit],
  )
  return rows.map(summary)
}

/** All that ran under this trace id, in all processes: a request, and the jobs that it enqueued. */
export async function readTrace(sql: Sql, traceId: string, logs: LogRow[]): Promise<TraceDetail | undefined> {
  if (!isTraceId(traceId)) return undefined
  const { rows } = await sql.query<Row & { stored: StoredSpan[]; droppedSpans: number; findings: Finding[] | null }>(
    `select ${SUMMARY}, spans as stored, dropped_spans as "droppedSpans", findings from tenfold.telemetry_trace
      where trace_id = $1::uuid order by started_at limit 100`,
    [traceId],
  )
  const first = rows[0]
  if (!first) return undefined
  const tree = rows.flatMap((row) => row.stored.map((span) => spanOf(span, row.startedAt - first.startedAt)))
  return {
    ...summary(first),
    spans: tree.length,
    queries: rows.reduce((sum, row) => sum + row.queries, 0),
    droppedSpans: rows.reduce((sum, row) => sum + row.droppedSpans, 0),
    findings: rows.flatMap((row) => (row.findings ?? []).filter(isKept).map(described)),
    tree: tree.sort((a, b) => a.offsetMs - b.offsetMs),
    logs,
  }
}

export function isTraceId(text: string): boolean {
  return TRACE_ID.test(text)
}

function summary(row: Row): TraceSummary {
  const { traceId, kind, name, startedAt, durationMs, spans, queries } = row
  return {
    traceId,
    kind,
    name,
    startedAt,
    durationMs,
    spans,
    queries,
    ...(row.module !== null && { module: row.module }),
    ...(row.status !== null && { status: row.status }),
    ...(row.error !== null && { error: row.error }),
    ...(row.userId !== null && { userId: row.userId }),
  }
}

function spanOf(span: StoredSpan, offsetMs: number): TraceDetail['tree'][number] {
  const { id, parent, kind, name, module, at, took, error } = span
  return {
    spanId: id,
    kind,
    name,
    offsetMs: offsetMs + at / 1000,
    durationMs: took / 1000,
    attributes: span.with ?? {},
    ...(parent !== undefined && { parentId: parent }),
    ...(module !== undefined && { module }),
    ...(error !== undefined && { error }),
  }
}

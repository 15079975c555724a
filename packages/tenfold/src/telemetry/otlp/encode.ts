/** From what was recorded to OTLP's messages, in their JSON form. */
import { boundsOf } from '../names.ts'
import { countsBetween } from '../bounds.ts'
import type { AttributeValue, LogRecord, MetricPoint, SpanKind, SpanRecord } from '../telemetry.ts'

type Json = Record<string, unknown>

/** Who sends: the resource, and what it is sent by. */
export interface Sender {
  resource: Readonly<Record<string, string>>
  version: string
}

// SpanKind: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
const INTERNAL = 1
const SERVER = 2
const CLIENT = 3
const PRODUCER = 4
const CONSUMER = 5

const KINDS: Record<SpanKind, number> = {
  request: SERVER,
  job: CONSUMER,
  event: CONSUMER,
  cron: INTERNAL,
  task: INTERNAL,
  query: CLIENT,
  transaction: INTERNAL,
  cache: INTERNAL,
  call: INTERNAL,
  outgoing: CLIENT,
  enqueue: PRODUCER,
  custom: INTERNAL,
}
const ERROR = 2

export interface SpanOut {
  span: SpanRecord
  /** The root of a trace that was slow: marked, so that a backend can find it. */
  slow: boolean
  sampled: boolean
}

export function tracesRequest(spans: readonly SpanOut[], sender: Sender): Json {
  return request('resourceSpans', 'scopeSpans', 'spans', spans.map(spanOf), sender)
}

export function spanOf({ span, slow, sampled }: SpanOut): Json {
  const attributes: Record<string, AttributeValue> = { ...span.attributes, 'tenfold.kind': span.kind }
  if (span.module !== undefined) attributes['tenfold.module'] = span.module
  if (slow) attributes['tenfold.slow'] = true
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId !== undefined && { parentSpanId: span.parentId }),
    flags: sampled ? 1 : 0,
    name: span.name,
    kind: kindOf(span),
    startTimeUnixNano: nanos(span.startUs),
    endTimeUnixNano: nanos(span.startUs + span.durationUs),
    attributes: attributesOf(attributes),
    ...(span.error !== undefined && {
      events: [
        {
          timeUnixNano: nanos(span.startUs + span.durationUs),
          name: 'exception',
          attributes: attributesOf({ 'exception.message': span.error }),
        },
      ],
      status: { message: span.error, code: ERROR },
    }),
  }
}

/** A span that was made through OpenTelemetry's API says itself what it is. */
export function kindOf({ kind, attributes }: SpanRecord): number {
  const said = attributes['otel.kind']
  const joined = said === undefined ? 0 : JOINED_KINDS.indexOf(String(said))
  return joined > 0 ? joined : KINDS[kind]
}

const JOINED_KINDS = ['', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']

const DELTA = 1
const CUMULATIVE = 2

export interface MetricsOut {
  points: readonly MetricPoint[]
  /** When counting began: the start of the process, or of the interval. */
  sinceMs: number
  nowMs: number
  temporality: 'cumulative' | 'delta'
}

export function metricsRequest({ points, sinceMs, nowMs, temporality }: MetricsOut, sender: Sender): Json {
  const times = { startTimeUnixNano: nanos(sinceMs * 1000), timeUnixNano: nanos(nowMs * 1000) }
  const aggregationTemporality = temporality === 'delta' ? DELTA : CUMULATIVE
  const byName = Map.groupBy(points, (point) => `${point.kind} ${point.name}`)
  const metrics = [...byName.values()].map((family) => {
    const { name, help, unit, kind } = family[0]!
    const about = { name, description: help, unit }
    if (kind === 'histogram') {
      return {
        ...about,
        histogram: { dataPoints: family.map((point) => histogramPoint(point, times)), aggregationTemporality },
      }
    }
    const dataPoints = family.map(({ labels, value }) => ({
      attributes: attributesOf(labels),
      ...times,
      asDouble: value,
    }))
    return kind === 'gauge'
      ? { ...about, gauge: { dataPoints } }
      : { ...about, sum: { dataPoints, aggregationTemporality, isMonotonic: true } }
  })
  return request('resourceMetrics', 'scopeMetrics', 'metrics', metrics, sender)
}

function histogramPoint({ labels, unit, histogram, exemplars }: MetricPoint, times: Json): Json {
  const values = histogram!
  const explicitBounds = boundsOf(unit)
  return {
    attributes: attributesOf(labels),
    ...times,
    count: String(values.count),
    sum: values.sum,
    bucketCounts: countsBetween(values, explicitBounds).map(String),
    explicitBounds,
    exemplars: (exemplars ?? []).map(({ value, traceId, spanId, timeMs }) => ({
      timeUnixNano: nanos(timeMs * 1000),
      asDouble: value,
      spanId,
      traceId,
    })),
    ...(values.count > 0 && { min: values.min, max: values.max }),
  }
}

// https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
const SEVERITIES: Record<LogRecord['level'], number> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 }

export function logsRequest(lines: readonly LogRecord[], sender: Sender): Json {
  const records = lines.map(({ timeMs, level, message, traceId, spanId, fields }) => ({
    timeUnixNano: nanos(timeMs * 1000),
    observedTimeUnixNano: nanos(timeMs * 1000),
    severityNumber: SEVERITIES[level],
    severityText: level.toUpperCase(),
    body: { stringValue: message },
    attributes: attributesOf(fields),
    ...(traceId !== undefined && { traceId, flags: 1 }),
    ...(spanId !== undefined && { spanId }),
  }))
  return request('resourceLogs', 'scopeLogs', 'logRecords', records, sender)
}

function request(groups: string, scopes: string, items: string, all: Json[], sender: Sender): Json {
  return { [groups]: [{ ...resourceOf(sender), [scopes]: [{ ...scopeOf(sender), [items]: all }] }] }
}

export function resourceOf({ resource }: Sender): Json {
  return { resource: { attributes: attributesOf(resource) } }
}

export function scopeOf({ version }: Sender): Json {
  return { scope: { name: 'tenfold', version } }
}

/** What is no string, number or boolean goes as JSON. */
function attributesOf(values: Readonly<Record<string, unknown>>): Json[] {
  const attributes: Json[] = []
  for (const key in values) {
    const value = values[key]
    if (value !== undefined && value !== null) attributes.push({ key, value: anyValue(value) })
  }
  return attributes
}

export function anyValue(value: unknown): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number' && Number.isFinite(value))
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (typeof value === 'bigint') return { stringValue: String(value) }
  return { stringValue: JSON.stringify(value) ?? String(value) }
}

/** Microseconds as nanoseconds, in decimals: more than a double holds. */
function nanos(us: number): string {
  const whole = Math.round(us)
  return whole <= 0 ? '0' : `${whole}000`
}

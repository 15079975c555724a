/** OTLP's messages as data: what each field is called in JSON, and its number and type in protobuf.
 *  https://github.com/open-telemetry/opentelemetry-proto (v1) */

export type FieldType = 'string' | 'bool' | 'double' | 'int64' | 'uint32' | 'enum' | 'fixed32' | 'fixed64' | 'bytes'

export interface Field {
  number: number
  type: FieldType | Message
  /** Repeated numbers are packed. */
  many?: true
}

export interface Message {
  readonly [name: string]: Field
}

const one = (number: number, type: Field['type']): Field => ({ number, type })
const many = (number: number, type: Field['type']): Field => ({ number, type, many: true })

const AnyValue: Message = {
  stringValue: one(1, 'string'),
  boolValue: one(2, 'bool'),
  intValue: one(3, 'int64'),
  doubleValue: one(4, 'double'),
}
export const ATTRIBUTE: Message = { key: one(1, 'string'), value: one(2, AnyValue) }
/** Who sends, around the items of a request, and what it is sent by. */
export const RESOURCE: Message = { resource: one(1, { attributes: many(1, ATTRIBUTE) }) }
export const SCOPE: Message = { scope: one(1, { name: one(1, 'string'), version: one(2, 'string') }) }

export const SPAN: Message = {
  traceId: one(1, 'bytes'),
  spanId: one(2, 'bytes'),
  traceState: one(3, 'string'),
  parentSpanId: one(4, 'bytes'),
  flags: one(16, 'fixed32'),
  name: one(5, 'string'),
  kind: one(6, 'enum'),
  startTimeUnixNano: one(7, 'fixed64'),
  endTimeUnixNano: one(8, 'fixed64'),
  attributes: many(9, ATTRIBUTE),
  events: many(11, { timeUnixNano: one(1, 'fixed64'), name: one(2, 'string'), attributes: many(3, ATTRIBUTE) }),
  status: one(15, { message: one(2, 'string'), code: one(3, 'enum') }),
}

const Exemplar: Message = {
  timeUnixNano: one(2, 'fixed64'),
  asDouble: one(3, 'double'),
  spanId: one(4, 'bytes'),
  traceId: one(5, 'bytes'),
}
const NumberPoint: Message = {
  attributes: many(7, ATTRIBUTE),
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  asDouble: one(4, 'double'),
}
const HistogramPoint: Message = {
  attributes: many(9, ATTRIBUTE),
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  bucketCounts: many(6, 'fixed64'),
  explicitBounds: many(7, 'double'),
  exemplars: many(8, Exemplar),
  min: one(11, 'double'),
  max: one(12, 'double'),
}
const Metric: Message = {
  name: one(1, 'string'),
  description: one(2, 'string'),
  unit: one(3, 'string'),
  gauge: one(5, { dataPoints: many(1, NumberPoint) }),
  sum: one(7, {
    dataPoints: many(1, NumberPoint),
    aggregationTemporality: one(2, 'enum'),
    isMonotonic: one(3, 'bool'),
  }),
  histogram: one(9, { dataPoints: many(1, HistogramPoint), aggregationTemporality: one(2, 'enum') }),
}

const LogRecord: Message = {
  timeUnixNano: one(1, 'fixed64'),
  observedTimeUnixNano: one(11, 'fixed64'),
  severityNumber: one(2, 'enum'),
  severityText: one(3, 'string'),
  body: one(5, AnyValue),
  attributes: many(6, ATTRIBUTE),
  flags: one(8, 'fixed32'),
  traceId: one(9, 'bytes'),
  spanId: one(10, 'bytes'),
}

const request = (groups: string, scopes: string, items: string, item: Message): Message => ({
  [groups]: many(1, {
    ...RESOURCE,
    [scopes]: many(2, { ...SCOPE, [items]: many(2, item), schemaUrl: one(3, 'string') }),
    schemaUrl: one(3, 'string'),
  }),
})

/** What is posted to `/v1/traces`, `/v1/metrics` and `/v1/logs`. */
export const REQUESTS = {
  traces: request('resourceSpans', 'scopeSpans', 'spans', SPAN),
  metrics: request('resourceMetrics', 'scopeMetrics', 'metrics', Metric),
  logs: request('resourceLogs', 'scopeLogs', 'logRecords', LogRecord),
} as const satisfies Record<string, Message>

export type Signal = keyof typeof REQUESTS

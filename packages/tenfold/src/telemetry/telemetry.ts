/** What the rest of tenfold records, and how. One object per app instance: no global state, except that the *current*
 *  context travels in one AsyncLocalStorage.
 *
 *    root context (request | job | cron | event | task)
 *      └─ spans (query, cache, call, outgoing, custom …), nested by async context
 *
 *  T1  A root context that ends is handed to the sinks exactly once, with its spans (at most `maxSpans`, the rest counted).
 *  T2  Recording never throws and never waits: under pressure it drops and counts what it dropped.
 *  T3  Names and attributes follow OpenTelemetry's semantic conventions; times are microseconds since 1970. */

import type { LogLinear } from './histogram.ts'
import type { LevelSwitch } from './logger.ts'
import type { StatementLog } from './statements.ts'

export type RootKind = 'request' | 'job' | 'cron' | 'event' | 'task'
export type SpanKind = RootKind | 'query' | 'transaction' | 'cache' | 'call' | 'outgoing' | 'enqueue' | 'custom'
export type AttributeValue = string | number | boolean
export type Attributes = Record<string, AttributeValue>

export interface SpanRecord {
  traceId: string
  spanId: string
  parentId?: string
  kind: SpanKind
  /** Low cardinality: a route template, a job name, a fingerprinted query; never an id or a URL. */
  name: string
  /** The module that it ran for, where known. */
  module?: string
  startUs: number
  durationUs: number
  /** The message of the error that ended it; absent when it went well. */
  error?: string
  attributes: Attributes
}

/** The open end of a span. */
export interface Span {
  readonly spanId: string
  set(key: string, value: AttributeValue): void
  /** For names that are known only later. */
  rename(name: string): void
  /** Ends it. Further calls do nothing. The end of a root span by hand hands the trace over at once. */
  end(error?: unknown): void
}

export interface RootOptions {
  kind: RootKind
  name: string
  module?: string
  /** A W3C `traceparent` header or job field to continue; a malformed one is ignored. */
  traceparent?: string | undefined
  attributes?: Attributes
}

/** What one request, job, cron run or event carries through all that it awaits. */
export interface Context {
  readonly kind: RootKind
  readonly name: string
  readonly traceId: string
  readonly root: Span
  /** The innermost open span. */
  readonly span: Span
  /** Its W3C `traceparent`, to be sent along. */
  traceparent(): string
  /** Id of the innermost open span. */
  spanId: string
  userId?: string | undefined
  requestId?: string | undefined
  /** How many database transactions are open in this async context: `enqueue` without `tx` inside one is a mistake. */
  openTransactions: number
  /** Free slots for rings above (N+1 counting, causal tokens, deadlines); keys are symbols owned by their ring. */
  readonly slots: Map<symbol, unknown>
  /** Calls back when the root has ended, inside this context, before the trace goes to the sinks: the callback may add to
   *  the trace. One that throws is ignored. */
  onEnd(callback: (trace: TraceRecord) => void): void
}

/** Something to put right that was noticed while a context ran. Data only: which fields there are depends on `code`, and
 *  the words are made by whoever shows it. */
export interface Finding {
  readonly code: string
}

/** A finished root context and its spans, the root first. */
export interface TraceRecord {
  traceId: string
  kind: RootKind
  name: string
  module?: string
  startUs: number
  durationUs: number
  error?: string
  userId?: string
  spans: SpanRecord[]
  droppedSpans: number
  /** Whoever began it has decided against sampling; absent otherwise. */
  sampled?: false
  /** What was noticed while it ran; absent when nothing was. */
  findings?: Finding[]
}

export interface LogRecord {
  timeMs: number
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  message: string
  traceId?: string
  spanId?: string
  /** Of an access line: what the request was answered with. */
  status?: number
  fields: Record<string, unknown>
}

/** Receives what was recorded. Must return at once; a sink that throws is dropped with one log line. */
export interface Sink {
  onTrace?(trace: TraceRecord): void
  onLog?(log: LogRecord): void
}

export interface Logger {
  trace(message: string, fields?: Record<string, unknown>): void
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  fatal(message: string, fields?: Record<string, unknown>): void
  /** A logger whose lines all carry these fields. */
  child(fields: Record<string, unknown>): Logger
  /** The line of one finished request. All its fields are known, so that it costs a tenth of an `info`: the path is
   *  searched for secrets, the rest is taken as it is. */
  access(line: AccessLine): void
}

export interface AccessLine {
  level: 'debug' | 'info'
  message: string
  /** Of letters, digits and `-` only, as `method` and `code`. */
  requestId: string
  method: string
  /** As the client sent it, with the query. */
  path: string
  status: number
  ms: number
  bytes: number
  ip: string
  userId: string | undefined
  code: string | undefined
}

export interface Counter {
  add(value: number, labels?: Record<string, string>): void
}
export interface Gauge {
  set(value: number, labels?: Record<string, string>): void
}
/** Log-linear buckets, mergeable over processes; values in the unit that the metric's name says (seconds, bytes). */
export interface Histogram {
  record(value: number, labels?: Record<string, string>): void
  /** One series of it, found once: for hot paths, whose labels are known beforehand. It exists from its first value on. */
  series(labels: Record<string, string>): {
    /** @param at the context that the value comes from, null for none: for callbacks that run in another one. Defaults to the
     *    present one. */
    record(value: number, at?: Pick<Context, 'traceId' | 'spanId'> | null): void
  }
}

export interface MetricOptions {
  /** One sentence for `# HELP`. */
  help: string
  /** `s`, `By`, `1` or `{thing}`; part of the exported name by the Prometheus conventions. */
  unit: string
}

/** A value and the trace that it was recorded in. */
export interface Exemplar {
  value: number
  traceId: string
  spanId: string
  timeMs: number
}

/** One series of one metric. */
export interface MetricPoint extends MetricOptions {
  name: string
  kind: 'counter' | 'gauge' | 'histogram'
  labels: Record<string, string>
  /** Of counters and gauges; 0 for histograms. */
  value: number
  histogram?: LogLinear
  /** Some of its values with their traces, since `keepExemplars`; at most one of each power of two. */
  exemplars?: Exemplar[]
}

/** A metric holds at most `maxSeries` label sets; recordings beyond go to one series labelled `otel.metric.overflow`. */
export interface Metrics {
  counter(name: string, options: MetricOptions): Counter
  gauge(name: string, options: MetricOptions): Gauge
  /** Read at collection time only. */
  observe(
    name: string,
    options: MetricOptions,
    read: () => number | { value: number; labels: Record<string, string> }[],
    /** `counter` for a total that only grows. Defaults to `gauge`. */
    kind?: 'gauge' | 'counter',
  ): void
  histogram(name: string, options: MetricOptions): Histogram
  /** Everything since the start of the process; observed metrics are read now. */
  snapshot(): MetricPoint[]
  /** A reader of its own memory: each call gives what counters and histograms gained since its last call, and gauges as
   *  they are. What did not move is left out. */
  deltas(): () => MetricPoint[]
  /** From now on, histograms keep examples with their traces: somebody exports them. */
  keepExemplars(): void
}

/** What telemetry had to leave out, since the start of the process. */
export interface Drops {
  /** Log lines that the output could not take in time. */
  logLines: number
  /** Spans beyond `maxSpans`, or that ended after their root. */
  spans: number
  /** Recordings of metrics with too many label sets. */
  series: number
  /** Sinks that threw and were removed. */
  sinks: number
}

export interface Telemetry {
  readonly service: string
  readonly version: string
  readonly env: string
  /** Random, one per process start: never the hostname. */
  readonly instanceId: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Which statements this process has sent to the database. */
  readonly statements: StatementLog
  /** The context of the running request, job, cron run or event; undefined outside of one. */
  current(): Context | undefined
  /** Runs `fn` as a new root context: records its span, duration and error, and hands the trace to the sinks. */
  root<T>(options: RootOptions, fn: (context: Context) => Promise<T>): Promise<T>
  /** A new root context that is ended by hand, by `context.root.end(error?)`: for hot paths. What belongs to it runs `within`
   *  it. The attributes that are given become its own: they are not copied. */
  open(options: RootOptions): Context
  /** Runs `fn` inside a child span of the current context (or with no span at all outside of one). */
  span<T>(kind: SpanKind, name: string, attributes: Attributes, fn: (span: Span) => Promise<T>): Promise<T>
  /** A child span ended by hand, for hot paths and callbacks. A no-op outside of a context. */
  start(kind: SpanKind, name: string, attributes?: Attributes): Span
  /** A child span ended by hand, with the context for what runs within it: see `within`. Outside of a context it begins a
   *  trace of its own, or goes on with the one of `traceparent`. */
  begin(kind: SpanKind, name: string, attributes: Attributes, traceparent?: string): { span: Span; context: Context }
  /** Runs `fn` in that context, whatever the present one is; undefined means in none. */
  within<T>(context: Context | undefined, fn: () => T): T
  /** The W3C `traceparent` of the current context, to be sent along; undefined outside of one. */
  traceparent(): string | undefined
  addSink(sink: Sink): () => void
  drops(): Drops
  /** The least level of log lines that is written; may be set while the process runs. */
  readonly logLevel: LevelSwitch
  /** Flushes the log and stops timers. */
  close(): Promise<void>
}

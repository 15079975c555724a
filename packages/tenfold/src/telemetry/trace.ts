import { messageOf, randomHex } from '../kernel/index.ts'
import { maskText } from './redact.ts'
import type {
  Attributes,
  AttributeValue,
  Context,
  RootKind,
  RootOptions,
  Span,
  SpanKind,
  SpanRecord,
  TraceRecord,
} from './telemetry.ts'
import { flagsOf, type HeadSampler, SAMPLED } from './sampler.ts'
import { formatTraceparent, parseTraceparent } from './traceparent.ts'

const MAX_ERROR = 2000

/** What traces need from the Telemetry object that they belong to. */
export interface Tracing {
  maxSpans: number
  sampler: HeadSampler | undefined
  nowUs(): number
  finished(trace: TraceRecord): void
  /** Runs `fn` with that scope as the current one. */
  within(scope: Scope, fn: () => void): void
  /** A span ended after its trace was handed over. */
  late(): void
}

/** The trace that one root context collects. */
export class ActiveTrace {
  readonly traceId: string
  readonly flags: number
  readonly kind: RootKind
  readonly name: string
  readonly module: string | undefined
  readonly root: OpenSpan
  userId: string | undefined
  requestId: string | undefined
  slots: Map<symbol, unknown> | undefined
  readonly ending: { scope: Scope; callback: (trace: TraceRecord) => void }[] = []
  readonly tracing: Tracing
  private readonly spans: SpanRecord[] = []
  private dropped = 0
  private over = false

  constructor(tracing: Tracing, options: RootOptions) {
    const parent = parseTraceparent(options.traceparent)
    this.tracing = tracing
    this.traceId = parent?.traceId ?? randomHex(16)
    this.flags = flagsOf(tracing.sampler, this.traceId, parent?.flags)
    this.kind = options.kind
    this.name = options.name
    this.module = options.module
    this.root = new OpenSpan(this, parent?.spanId, options.kind, options.name, options.attributes)
  }

  add(span: OpenSpan, error: string | undefined): void {
    if (this.over) return this.tracing.late()
    const record = span.record(error)
    if (span === this.root) this.finish(record)
    else if (this.spans.length < this.tracing.maxSpans - 1) this.spans.push(record)
    else this.dropped++
  }

  private finish(root: SpanRecord): void {
    this.over = true
    const { spans } = this
    if (spans.length === 0) spans.push(root)
    else spans.unshift(root)
    const trace: TraceRecord = {
      traceId: this.traceId,
      kind: this.kind,
      name: root.name,
      startUs: root.startUs,
      durationUs: root.durationUs,
      spans,
      droppedSpans: this.dropped,
    }
    if ((this.flags & SAMPLED) === 0) trace.sampled = false
    if (this.module !== undefined) trace.module = this.module
    if (root.error !== undefined) trace.error = root.error
    if (this.userId !== undefined) trace.userId = this.userId
    for (const { scope, callback } of this.ending) {
      try {
        this.tracing.within(scope, () => callback(trace))
      } catch {
        // T2: what it wanted to add is lost; the trace is not.
      }
    }
    this.tracing.finished(trace)
  }
}

export class OpenSpan implements Span {
  readonly spanId = randomHex(8)
  private readonly trace: ActiveTrace
  private readonly parentId: string | undefined
  private readonly kind: SpanKind
  private name: string
  private readonly attributes: Attributes
  private readonly startUs: number
  private ended = false

  constructor(
    trace: ActiveTrace,
    parentId: string | undefined,
    kind: SpanKind,
    name: string,
    attributes: Attributes | undefined,
  ) {
    this.trace = trace
    this.parentId = parentId
    this.kind = kind
    this.name = name
    this.attributes = attributes ?? {}
    this.startUs = trace.tracing.nowUs()
  }

  set(key: string, value: AttributeValue): void {
    this.attributes[key] = value
  }

  rename(name: string): void {
    this.name = name
  }

  end(error?: unknown): void {
    if (this.ended) return
    this.ended = true
    this.trace.add(this, error === undefined ? undefined : errorText(error))
  }

  record(error: string | undefined): SpanRecord {
    const { trace, parentId, attributes } = this
    const record: SpanRecord = {
      traceId: trace.traceId,
      spanId: this.spanId,
      kind: this.kind,
      name: this.name,
      startUs: this.startUs,
      durationUs: Math.max(0, trace.tracing.nowUs() - this.startUs),
      attributes,
    }
    const module = (attributes['tenfold.module'] as string | undefined) ?? trace.module
    if (parentId !== undefined) record.parentId = parentId
    if (module !== undefined) record.module = module
    if (error !== undefined) record.error = error
    return record
  }
}

/** The context as one branch of asynchronous work sees it: the trace is shared, the innermost span is its own. */
export class Scope implements Context {
  readonly trace: ActiveTrace
  readonly span: OpenSpan
  spanId: string
  openTransactions: number

  constructor(trace: ActiveTrace, span: OpenSpan, openTransactions: number) {
    this.trace = trace
    this.span = span
    this.spanId = span.spanId
    this.openTransactions = openTransactions
  }

  get kind(): RootKind {
    return this.trace.kind
  }
  get name(): string {
    return this.trace.name
  }
  get traceId(): string {
    return this.trace.traceId
  }
  get root(): Span {
    return this.trace.root
  }
  get userId(): string | undefined {
    return this.trace.userId
  }
  set userId(value: string | undefined) {
    this.trace.userId = value
  }
  get requestId(): string | undefined {
    return this.trace.requestId
  }
  set requestId(value: string | undefined) {
    this.trace.requestId = value
  }
  get slots(): Map<symbol, unknown> {
    return (this.trace.slots ??= new Map())
  }

  onEnd(callback: (trace: TraceRecord) => void): void {
    this.trace.ending.push({ scope: this, callback })
  }

  traceparent(): string {
    return formatTraceparent({ traceId: this.traceId, spanId: this.spanId, flags: this.trace.flags })
  }
}

/** Handed out where there is nothing to record to. */
export const NO_SPAN: Span = { spanId: '0000000000000000', set() {}, rename() {}, end() {} }

function errorText(error: unknown): string {
  try {
    return maskText(messageOf(error).slice(0, MAX_ERROR)) || 'error'
  } catch {
    return 'error'
  }
}

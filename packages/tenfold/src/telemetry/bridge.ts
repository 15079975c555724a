/** Joins spans that are made through `@opentelemetry/api` with our own traces, in both directions: a library's span is a
 *  child of the request that it runs for, and our queries within it are its children.
 *
 *    context.active()   the context that a library set, if our innermost span is still the one it was set in;
 *                       else that context with our innermost span
 *    context.with(ctx)  our context becomes the one of the span in `ctx`
 *
 *  The API has one place for a provider in each process: the first app that joins has it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type * as otel from '@opentelemetry/api'
import { importPeer, messageOf } from '../kernel/index.ts'
import type { Attributes, AttributeValue, Context, Span, Telemetry } from './telemetry.ts'
import { formatTraceparent, parseTraceparent } from './traceparent.ts'

type Api = typeof otel

/** Registers this telemetry with `@opentelemetry/api`; returns how to end that. A provider that is there already stays, and
 *  nothing is joined. Throws TF_PEER_MISSING without the package. */
export async function joinOpenTelemetry(telemetry: Telemetry): Promise<() => void> {
  const api: Api = await importPeer(
    '@opentelemetry/api',
    'telemetry.openTelemetryApi',
    () => import('@opentelemetry/api'),
  )
  const bridge = new Bridge(telemetry, api)
  if (!api.trace.setGlobalTracerProvider(bridge)) {
    telemetry.log.warn('Another OpenTelemetry provider is registered: its spans are not part of our traces')
    return () => {}
  }
  api.context.setGlobalContextManager(bridge)
  api.propagation.setGlobalPropagator(propagator(api))
  return () => {
    api.trace.disable()
    api.context.disable()
    api.propagation.disable()
  }
}

class Bridge implements otel.TracerProvider, otel.ContextManager {
  private readonly telemetry: Telemetry
  private readonly api: Api
  private readonly held = new AsyncLocalStorage<{ context: otel.Context; ours: Context | undefined }>()

  constructor(telemetry: Telemetry, api: Api) {
    this.telemetry = telemetry
    this.api = api
  }

  getTracer(library: string): otel.Tracer {
    const startSpan = (name: string, options?: otel.SpanOptions, within?: otel.Context): JoinedSpan =>
      this.startSpan(library, name, options ?? {}, within ?? this.active())
    return {
      startSpan,
      startActiveSpan: (name: string, ...rest: unknown[]) => {
        const fn = rest.pop() as (span: otel.Span) => unknown
        const [options, given] = rest as [otel.SpanOptions?, otel.Context?]
        const within = given ?? this.active()
        const span = startSpan(name, options, within)
        return this.with(this.api.trace.setSpan(within, span), fn as never, undefined, span) as never
      },
    }
  }

  active(): otel.Context {
    const held = this.held.getStore()
    const ours = this.telemetry.current()
    const context = held?.context ?? this.api.ROOT_CONTEXT
    if (!ours || held?.ours === ours) return context
    return this.api.trace.setSpan(context, new JoinedSpan(ours, ours.span))
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: otel.Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const span = this.api.trace.getSpan(context)
    const ours = span instanceof JoinedSpan ? span.context : undefined
    return this.telemetry.within(ours, () => this.held.run({ context, ours }, () => fn.apply(thisArg, args)))
  }

  bind<T>(context: otel.Context, target: T): T {
    if (typeof target !== 'function') return target
    const bound = (...args: unknown[]): unknown => this.with(context, target as never, undefined, ...args)
    return bound as T
  }

  enable(): this {
    return this
  }

  disable(): this {
    return this
  }

  private startSpan(library: string, name: string, options: otel.SpanOptions, within: otel.Context): JoinedSpan {
    const { trace, SpanKind } = this.api
    const parent = options.root ? undefined : trace.getSpan(within)
    const attributes: Attributes = { 'otel.scope.name': library, ...plain(options.attributes) }
    if (options.kind) attributes['otel.kind'] = SpanKind[options.kind]
    if (parent instanceof JoinedSpan) {
      const { span, context } = this.telemetry.within(parent.context, () =>
        this.telemetry.begin('custom', name, attributes),
      )
      return new JoinedSpan(context, span)
    }
    // Outside of a request or job it begins a trace of its own, or goes on with one that came from elsewhere.
    const remote = parent?.spanContext()
    const traceparent = remote && formatTraceparent({ ...remote, flags: remote.traceFlags })
    const { span, context } = this.telemetry.within(undefined, () =>
      this.telemetry.begin('custom', name, attributes, traceparent),
    )
    return new JoinedSpan(context, span)
  }
}

const ERROR = 2
const MAX_EVENTS = 32

class JoinedSpan implements otel.Span {
  readonly context: Context
  private readonly span: Span
  private failure: string | undefined
  private events = 0
  private ended = false

  constructor(context: Context, span: Span) {
    this.context = context
    this.span = span
  }

  spanContext(): otel.SpanContext {
    const { traceId, flags } = parseTraceparent(this.context.traceparent())!
    return { traceId, spanId: this.span.spanId, traceFlags: flags }
  }

  setAttribute(key: string, value: otel.AttributeValue): this {
    return this.setAttributes({ [key]: value })
  }

  setAttributes(attributes: otel.Attributes): this {
    for (const [key, value] of Object.entries(plain(attributes))) this.span.set(key, value)
    return this
  }

  /** A span of ours has attributes and no events: an event becomes the attribute `event.<name>`. */
  addEvent(name: string, given?: otel.Attributes | otel.TimeInput): this {
    if (this.events++ >= MAX_EVENTS) return this
    const attributes = typeof given === 'object' && !Array.isArray(given) && !(given instanceof Date) ? given : {}
    this.span.set(`event.${name}`, JSON.stringify(plain(attributes as otel.Attributes)))
    return this
  }

  addLink(): this {
    return this
  }

  addLinks(): this {
    return this
  }

  setStatus({ code, message }: otel.SpanStatus): this {
    this.failure = code === ERROR ? (message ?? this.failure ?? 'error') : undefined
    return this
  }

  updateName(name: string): this {
    this.span.rename(name)
    return this
  }

  end(): void {
    if (this.ended) return
    this.ended = true
    this.span.end(this.failure)
  }

  isRecording(): boolean {
    return !this.ended
  }

  /** Says what happened; only `setStatus` says that the span failed by it. */
  recordException(exception: otel.Exception): void {
    this.span.set('exception.message', messageOf(exception))
    const { name } = Object(exception) as { name?: unknown }
    if (typeof name === 'string') this.span.set('exception.type', name)
  }
}

function plain(attributes: otel.Attributes | undefined): Attributes {
  const found: Attributes = {}
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'object') found[key] = JSON.stringify(value)
    else if (value !== undefined) found[key] = value as AttributeValue
  }
  return found
}

/** W3C Trace Context. */
function propagator({ trace }: Api): otel.TextMapPropagator {
  return {
    fields: () => ['traceparent'],
    inject(context, carrier, setter) {
      const span = trace.getSpanContext(context)
      if (span) setter.set(carrier, 'traceparent', formatTraceparent({ ...span, flags: span.traceFlags }))
    },
    extract(context, carrier, getter) {
      const header = getter.get(carrier, 'traceparent')
      const parent = parseTraceparent(Array.isArray(header) ? header[0] : header)
      if (!parent) return context
      const { traceId, spanId, flags } = parent
      return trace.setSpanContext(context, { traceId, spanId, traceFlags: flags, isRemote: true })
    },
  }
}

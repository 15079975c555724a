import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, randomHex, systemClock } from '../kernel/index.ts'
import { createLogger, type LogDestination, type LogLevel } from './logger.ts'
import { prettyOutput } from './pretty.ts'
import { MetricRegistry } from './metrics.ts'
import { standardOutput } from './output.ts'
import { observeHost } from './host.ts'
import { createRedactor } from './redact.ts'
import { observeRuntime } from './runtime.ts'
import type { HeadSampler } from './sampler.ts'
import { StatementLog } from './statements.ts'
import type { LogRecord, RootOptions, Sink, Telemetry } from './telemetry.ts'
import { ActiveTrace, NO_SPAN, OpenSpan, Scope, type Tracing } from './trace.ts'

export interface TelemetryOptions {
  /** The app's name: `service` on every log line. */
  service: string
  env: 'development' | 'production' | 'test'
  /** The app's own version. Defaults to `0.0.0`. */
  version?: string
  /** What this process is called, `web-1`; its id in logs and in the console begins with it. None by default. */
  instance?: string
  /** The least level that is written. Defaults to `info`, in development to `debug`. */
  level?: LogLevel | 'silent'
  /** Lines for people instead of JSON. Defaults to yes in development on a terminal. */
  pretty?: boolean
  /** Takes the finished JSON lines. Defaults to standard output, written in the background. */
  destination?: LogDestination
  /** Spans kept of one root context; the rest is counted. Defaults to 500. */
  maxSpans?: number
  /** Label sets kept of one metric; the rest goes to one overflow series. Defaults to 1000. */
  maxSeries?: number
  /** Which traces are sampled. Defaults to what a caller decided, and all that begin here. */
  sampler?: HeadSampler | undefined
  /** Bytes of log lines that may wait for standard output. Defaults to 8 MiB. */
  maxLogBytes?: number
  clock?: Clock
}

/** Starts recording. One per app instance: two apps in one process know nothing of each other.
 *  @example
 *  const telemetry = createTelemetry({ service: 'shop', env: 'production' })
 *  await telemetry.root({ kind: 'request', name: 'POST /orders' }, async () => {
 *    await telemetry.span('custom', 'price the cart', {}, async () => …)
 *    telemetry.log.info('order placed', { orderId })       // carries trace_id and span_id
 *  }) */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { service, env, version = '0.0.0', clock = systemClock, maxSpans = 500, maxSeries = 1000 } = options
  const current = new AsyncLocalStorage<Scope>()
  const instanceId = options.instance === undefined ? randomHex(8) : `${options.instance}-${randomHex(8)}`
  const metrics = new MetricRegistry(maxSeries, () => current.getStore())
  const redactor = createRedactor()
  const sinks = new Set<Sink>()
  const drops = { logLines: 0, spans: 0, sinks: 0 }
  /** How many sinks want log lines: for nobody, none are put together. */
  const readers = { lines: 0 }

  const destination = options.destination ?? defaultOutput(options, () => drops.logLines++)
  const log = createLogger({
    level: options.level ?? (env === 'development' ? 'debug' : 'info'),
    base: { service, version, env, instance: instanceId },
    destination,
    clock,
    redactor,
    where: () => current.getStore(),
    onLog: () => (readers.lines ? tellOfLine : undefined),
  })

  function tellOfLine(record: LogRecord): void {
    tell((sink) => sink.onLog?.(record))
  }

  function tell(about: (sink: Sink) => void): void {
    for (const sink of sinks) {
      try {
        about(sink)
      } catch (error) {
        remove(sink)
        drops.sinks++
        log.error('A telemetry sink failed and was removed', { err: error })
      }
    }
  }

  function remove(sink: Sink): void {
    if (sinks.delete(sink) && sink.onLog) readers.lines--
  }

  const tracing: Tracing = {
    maxSpans,
    sampler: options.sampler,
    nowUs: microseconds(clock),
    within: (scope, fn) => current.run(scope, fn),
    late: () => drops.spans++,
    finished(trace) {
      drops.spans += trace.droppedSpans
      tell((sink) => sink.onTrace?.(trace))
    },
  }

  const stopRuntime = observeRuntime(metrics, clock)
  const stopHost = observeHost(metrics)
  metrics.observe(
    'tenfold.telemetry.dropped',
    { help: 'What telemetry had to leave out.', unit: '{item}' },
    () => Object.entries(allDrops()).map(([what, value]) => ({ value, labels: { what } })),
    'counter',
  )

  function allDrops() {
    return { ...drops, series: metrics.overflowed }
  }

  const open = (rootOptions: RootOptions): Scope => {
    const trace = new ActiveTrace(tracing, rootOptions)
    return new Scope(trace, trace.root, 0)
  }

  return {
    service,
    version,
    env,
    instanceId,
    log,
    metrics,
    statements: new StatementLog(),
    current: () => current.getStore(),
    drops: allDrops,
    logLevel: log.level,
    traceparent: () => current.getStore()?.traceparent(),

    open,

    async root(rootOptions, fn) {
      const scope = open({ ...rootOptions, attributes: { ...rootOptions.attributes } })
      try {
        const result = await current.run(scope, fn, scope)
        scope.root.end()
        return result
      } catch (error) {
        scope.root.end(error ?? 'rejected without an error')
        throw error
      }
    },

    async span(kind, name, attributes, fn) {
      const outer = current.getStore()
      if (!outer) return fn(NO_SPAN)
      const span = new OpenSpan(outer.trace, outer.spanId, kind, name, { ...attributes })
      try {
        const result = await current.run(new Scope(outer.trace, span, outer.openTransactions), fn, span)
        span.end()
        return result
      } catch (error) {
        span.end(error ?? 'rejected without an error')
        throw error
      }
    },

    start(kind, name, attributes) {
      const outer = current.getStore()
      return outer ? new OpenSpan(outer.trace, outer.spanId, kind, name, { ...attributes }) : NO_SPAN
    },

    begin(kind, name, attributes, traceparent) {
      const outer = current.getStore()
      if (!outer) {
        const context = open({ kind: 'task', name, attributes: { ...attributes }, traceparent })
        return { span: context.root, context }
      }
      const span = new OpenSpan(outer.trace, outer.spanId, kind, name, { ...attributes })
      return { span, context: new Scope(outer.trace, span, outer.openTransactions) }
    },

    within: (context, fn) => (context ? current.run(context as Scope, fn) : current.exit(fn)),

    addSink(sink) {
      if (sink.onLog && !sinks.has(sink)) readers.lines++
      sinks.add(sink)
      return () => remove(sink)
    },

    async close() {
      stopRuntime()
      stopHost()
      await destination.flush?.()
    },
  }
}

function defaultOutput(
  { env, pretty, maxLogBytes = 8 * 1024 * 1024 }: TelemetryOptions,
  onDrop: () => void,
): LogDestination {
  const forPeople = pretty ?? (env === 'development' && process.stdout.isTTY === true)
  return forPeople ? prettyOutput() : standardOutput(maxLogBytes, onDrop)
}

/** Wall time with the resolution of the monotonic clock. Follows the wall clock once they differ by more than 20 ms, which is
 *  looked at every 10 ms. */
function microseconds(clock: Clock): () => number {
  let base = clock.now() - clock.elapsed()
  let lookedAt = -Infinity
  return () => {
    const elapsed = clock.elapsed()
    if (elapsed - lookedAt >= 10) {
      lookedAt = elapsed
      const drift = clock.now() - elapsed - base
      if (drift > 20 || drift < -20) base += drift
    }
    return Math.round((base + elapsed) * 1000)
  }
}

/** Exports traces, metrics and logs by OTLP over HTTP, beside what is stored: a sink like any other.
 *
 *  O1  Nothing waits for it: what finds no room or no collector is dropped and counted (`tenfold.telemetry.export.dropped`).
 *  O2  A trace that failed or was slow is exported whatever the sampler said; the rest as it says, the same for a trace id
 *      in every process.
 *  O3  What leaves has passed the same redaction as what is stored. */
import { type Service, toMs, type Duration } from '../../kernel/index.ts'
import { createRedactor } from '../redact.ts'
import type { Attributes, LogRecord, Sink, Telemetry, TraceRecord } from '../telemetry.ts'
import { logsRequest, metricsRequest, tracesRequest, type Sender, type SpanOut } from './encode.ts'
import { Outbox, WaitingItems } from './outbox.ts'
import type { OtelSettings, SignalSettings } from './settings.ts'
import { SpanBytes } from './spans.ts'

export interface ExporterOptions {
  telemetry: Telemetry
  settings: OtelSettings
  /** Traces that took longer are exported whatever the sampler says, and marked. Defaults to 1 second. */
  slow?: Duration
}

export interface Exporter extends Service {
  /** Sends now what waits. */
  flush(): Promise<void>
}

const CLOSE_WITHIN_MS = 3000

/** Undefined when no signal is to be exported. */
export function createExporter({ telemetry, settings, slow = '1s' }: ExporterOptions): Exporter | undefined {
  const { traces, metrics, logs } = settings.signals
  if (!traces && !metrics && !logs) return undefined
  const sender = senderOf(telemetry, settings)
  const spans = traces && openTraces(telemetry, traces, sender, toMs(slow))
  const lines = logs && openLogs(telemetry, logs, sender)
  const points = metrics && openMetrics(telemetry, metrics, sender, settings.temporality)
  const open = [spans, lines, points].filter((one) => one !== undefined)
  telemetry.metrics.observe(
    'tenfold.telemetry.export.dropped',
    { help: 'What OTLP did not take, or what found no room.', unit: '{item}' },
    () => open.map(({ signal, outbox }) => ({ value: outbox.dropped, labels: { signal } })),
    'counter',
  )
  let removeSink: (() => void) | undefined
  return {
    name: 'otlp export',
    async start() {
      removeSink = telemetry.addSink({ ...spans?.sink, ...lines?.sink })
    },
    async flush() {
      points?.collect()
      await Promise.all(open.map(({ outbox }) => outbox.flush()))
    },
    async stop() {
      removeSink?.()
      points?.end()
      points?.collect()
      await Promise.all(open.map(({ outbox }) => outbox.close(CLOSE_WITHIN_MS)))
    },
  }
}

function openTraces(telemetry: Telemetry, settings: SignalSettings, sender: Sender, slowMs: number) {
  const waiting =
    settings.protocol === 'http/json' ? spansAsJson(settings, sender) : new SpanBytes(settings.maxBatch, sender)
  const outbox = new Outbox<SpanOut>({ signal: 'traces', settings, telemetry, waiting })
  const sink: Sink = {
    onTrace(trace) {
      const slow = trace.durationUs / 1000 > slowMs
      const sampled = trace.sampled !== false
      if (!sampled && !slow && !failed(trace)) return
      outbox.add(trace.spans.map((span, at) => ({ span, sampled, slow: slow && at === 0 })))
    },
  }
  return { signal: 'traces', outbox, sink }
}

/** Redacted when they are sent, and not on the path of the request. */
function spansAsJson(settings: SignalSettings, sender: Sender): WaitingItems<SpanOut> {
  const redactor = createRedactor()
  return new WaitingItems('traces', settings, (spans) =>
    tracesRequest(
      spans.map((one) => ({
        ...one,
        span: { ...one.span, attributes: redactor.fields(one.span.attributes) as Attributes },
      })),
      sender,
    ),
  )
}

function openLogs(telemetry: Telemetry, settings: SignalSettings, sender: Sender) {
  const outbox = new Outbox<LogRecord>({
    signal: 'logs',
    settings,
    telemetry,
    waiting: new WaitingItems('logs', settings, (lines) => logsRequest(lines, sender)),
  })
  return { signal: 'logs', outbox, sink: { onLog: (line) => outbox.add([line]) } satisfies Sink }
}

/** The item that waits is a request as a whole: all metrics of one moment. */
function openMetrics(
  telemetry: Telemetry,
  settings: SignalSettings,
  sender: Sender,
  temporality: OtelSettings['temporality'],
) {
  telemetry.metrics.keepExemplars()
  // Several moments may wait while a collector is away: the last minutes, not the last hours.
  const moments = { ...settings, maxWaiting: 10, maxBatch: 1 }
  const waiting = new WaitingItems<object>('metrics', moments, ([moment]) => moment!)
  const outbox = new Outbox<object>({ signal: 'metrics', settings: moments, telemetry, waiting })
  const read = temporality === 'delta' ? telemetry.metrics.deltas() : () => telemetry.metrics.snapshot()
  let sinceMs = Date.now()
  const collect = (): void => {
    const nowMs = Date.now()
    outbox.add([metricsRequest({ points: read(), sinceMs, nowMs, temporality }, sender)])
    if (temporality === 'delta') sinceMs = nowMs
  }
  const timer = setInterval(collect, settings.everyMs)
  timer.unref()
  return { signal: 'metrics', outbox, sink: {} satisfies Sink, collect, end: () => clearInterval(timer) }
}

function senderOf({ service, version, env, instanceId }: Telemetry, { resource }: OtelSettings): Sender {
  return {
    resource: {
      'service.name': service,
      'service.version': version,
      'service.instance.id': instanceId,
      'deployment.environment.name': env,
      'telemetry.sdk.name': 'tenfold',
      'telemetry.sdk.language': 'nodejs',
      'process.pid': String(process.pid),
      ...resource,
    },
    version,
  }
}

/** It threw, or answered with a server error. */
function failed(trace: TraceRecord): boolean {
  const status = trace.spans[0]?.attributes['http.response.status_code']
  return trace.error !== undefined || (typeof status === 'number' && status >= 500)
}

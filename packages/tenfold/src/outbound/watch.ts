/** Outgoing HTTP as spans: every `fetch` of the process tells of itself on Node's diagnostics channels, so that calls made
 *  by any library are seen too. https://undici.nodejs.org/#/docs/api/DiagnosticsChannel.md */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Span, Telemetry } from '../telemetry/index.ts'

interface OutgoingRequest {
  origin: string | URL
  method: string
  addHeader(name: string, value: string): unknown
}

interface Message {
  request: OutgoingRequest
  response?: { statusCode: number }
  error?: Error
}

/** Records each outgoing request of this instance's contexts and sends the trace along. Returns how to stop that. */
export function watchOutgoing(telemetry: Telemetry): () => void {
  const open = new WeakMap<OutgoingRequest, { span: Span; started: number; host: string; status?: number }>()
  const duration = telemetry.metrics.histogram('http.client.request.duration', {
    help: 'Duration of outgoing HTTP requests.',
    unit: 's',
  })

  const listeners: Record<string, (message: Message) => void> = {
    'undici:request:create': ({ request }) => {
      const traceparent = telemetry.traceparent()
      if (!traceparent) return // not in a context of this instance
      const host = new URL(request.origin).host
      const attributes = { 'http.request.method': request.method, 'server.address': host }
      open.set(request, {
        span: telemetry.start('outgoing', `${request.method} ${host}`, attributes),
        started: performance.now(),
        host,
      })
      request.addHeader('traceparent', traceparent)
    },
    'undici:request:headers': ({ request, response }) => {
      const known = open.get(request)
      if (!known || !response) return
      known.status = response.statusCode
      known.span.set('http.response.status_code', response.statusCode)
    },
    'undici:request:trailers': ({ request }) => end(request),
    'undici:request:error': ({ request, error }) => end(request, error),
  }

  const end = (request: OutgoingRequest, error?: Error): void => {
    const known = open.get(request)
    if (!known) return
    open.delete(request)
    const failed = error ?? ((known.status ?? 0) >= 500 ? new Error(`answered ${known.status}`) : undefined)
    duration.record((performance.now() - known.started) / 1000, { 'server.address': known.host })
    known.span.end(failed)
  }

  const entries = Object.entries(listeners) as [string, (message: unknown) => void][]
  for (const [channel, listener] of entries) subscribe(channel, listener)
  return () => {
    for (const [channel, listener] of entries) unsubscribe(channel, listener)
  }
}

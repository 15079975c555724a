/** Outgoing HTTP as spans: every request of the process tells of itself on Node's diagnostics channels, so that calls made
 *  with `fetch`, by any library, are seen too. https://undici.nodejs.org/#/docs/api/DiagnosticsChannel.md */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Span, Telemetry } from '../telemetry/index.ts'
import { markOfExchange } from './mark.ts'
import { createSlowCallWatch } from './slow.ts'

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

interface Known {
  span: Span
  started: number
  labels: Record<string, string>
  status?: number
}

/** Records each outgoing request of this instance's contexts and sends the trace along. Returns how to stop that. */
export function watchOutgoing(telemetry: Telemetry): () => void {
  const open = new WeakMap<OutgoingRequest, Known>()
  const noticeSlow = createSlowCallWatch(telemetry)
  const duration = telemetry.metrics.histogram('http.client.request.duration', {
    help: 'Duration of outgoing HTTP requests.',
    unit: 's',
  })

  const begin = (request: OutgoingRequest): void => {
    const context = telemetry.current()
    if (!context) return // not in a context of this instance
    const { method } = request
    const host = new URL(request.origin).host
    const mark = markOfExchange()
    const labels = {
      'http.request.method': method,
      'server.address': host,
      ...(mark && { 'tenfold.client': mark.client }),
      ...(mark?.template !== undefined && { 'url.template': mark.template }),
    }
    const name = `${method} ${host}${mark?.template ?? ''}`
    const resent = mark && mark.attempt > 1 ? { 'http.request.resend_count': mark.attempt - 1 } : {}
    const span = telemetry.start('outgoing', name, { ...labels, ...resent })
    open.set(request, { span, started: performance.now(), labels })
    request.addHeader('traceparent', traceparentOf(telemetry.traceparent()!, span))
    if (!mark?.internal) noticeSlow(name, mark?.stack)
  }

  const end = (request: OutgoingRequest, error?: Error): void => {
    const known = open.get(request)
    if (!known) return
    open.delete(request)
    const { status = 0, span, started, labels } = known
    const failed = error ?? (status >= 500 ? new Error(`answered ${status}`) : undefined)
    duration.record((performance.now() - started) / 1000, {
      ...labels,
      ...(status > 0 ? { 'http.response.status_code': String(status) } : { 'error.type': typeOf(error) }),
    })
    span.end(failed)
  }

  const listeners: Record<string, (message: Message) => void> = {
    'undici:request:create': ({ request }) => begin(request),
    'undici:request:headers': ({ request, response }) => {
      const known = open.get(request)
      if (!known || !response) return
      known.status = response.statusCode
      known.span.set('http.response.status_code', response.statusCode)
    },
    'undici:request:trailers': ({ request }) => end(request),
    'undici:request:error': ({ request, error }) => end(request, error),
  }
  const entries = Object.entries(listeners) as [string, (message: unknown) => void][]
  for (const [channel, listener] of entries) subscribe(channel, listener)
  return () => {
    for (const [channel, listener] of entries) unsubscribe(channel, listener)
  }
}

/** The span itself is the parent of what the other side does. */
function traceparentOf(present: string, { spanId }: Span): string {
  return present.replace(/^(\w\w-\w{32})-\w{16}/, `$1-${spanId}`)
}

/** The code of the error, of which there are few; its message may name anything. */
function typeOf(error: Error | undefined): string {
  return (error as { code?: string } | undefined)?.code ?? error?.name ?? 'closed'
}

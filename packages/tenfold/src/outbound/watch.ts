/** Outgoing HTTP is seen on Node's diagnostics channels, so that calls made by any library are seen, too. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Span, Telemetry } from '../telemetry/index.ts'
import { createCalls } from './calls.ts'
import { markOfExchange } from './mark.ts'

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

export interface WatchOptions {
  /** Whether the trace goes along, as header `traceparent`. Defaults to true. */
  propagate?: boolean
}

/** Records each request of this instance's contexts that undici sends, `fetch` included. Returns how to stop that.
 *  https://undici.nodejs.org/#/docs/api/DiagnosticsChannel.md */
export function watchOutgoing(telemetry: Telemetry, { propagate = true }: WatchOptions = {}): () => void {
  const calls = createCalls(telemetry)
  const begin = (request: OutgoingRequest): void => {
    if (!telemetry.current()) return
    const mark = markOfExchange()
    const span = calls.begin(request, {
      labels: {
        'http.request.method': request.method,
        'server.address': new URL(request.origin).host,
        ...(mark && { 'tenfold.client': mark.client }),
        ...(mark?.template !== undefined && { 'url.template': mark.template }),
      },
      ...(mark && mark.attempt > 1 && { attributes: { 'http.request.resend_count': mark.attempt - 1 } }),
      stack: mark?.stack,
      internal: mark?.internal,
    })
    if (span && propagate) request.addHeader('traceparent', traceparentOf(telemetry.traceparent()!, span))
  }
  return listenTo<Message>({
    'undici:request:create': ({ request }) => begin(request),
    'undici:request:headers': ({ request, response }) => response && calls.answered(request, response.statusCode),
    'undici:request:trailers': ({ request }) => calls.end(request),
    'undici:request:error': ({ request, error }) => calls.end(request, error),
  })
}

interface ClientMessage {
  request: ClientRequest
  response?: IncomingMessage
  error?: Error
}

/** The same of requests that `node:http` and `node:https` send, on which many libraries stand. The trace does not go along.
 *  https://nodejs.org/api/diagnostics_channel.html#built-in-channels */
export function watchNodeClient(telemetry: Telemetry): () => void {
  const calls = createCalls(telemetry)
  const begun = new WeakSet<ClientRequest>()
  const begin = (request: ClientRequest): void => {
    if (begun.has(request) || !telemetry.current()) return
    begun.add(request)
    calls.begin(request, {
      labels: {
        'http.request.method': request.method,
        'server.address': String(request.getHeader('host') ?? request.host),
      },
      stack: stackHere(),
    })
  }
  return listenTo<ClientMessage>({
    // Who calls is on the stack when it is made; older releases of Node.js tell only when it is sent.
    'http.client.request.created': ({ request }) => begin(request),
    'http.client.request.start': ({ request }) => begin(request),
    // Published when the head of the answer is there; its body is part of what is waited for.
    'http.client.response.finish': ({ request, response }) => {
      calls.answered(request, response?.statusCode ?? 0)
      response?.once('close', () => calls.end(request))
    },
    'http.client.request.error': ({ request, error }) => calls.end(request, error),
  })
}

/** Deep enough to reach the caller through a library. */
const FRAMES = 40

function stackHere(): string | undefined {
  const holder: { stack?: string } = {}
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  Error.captureStackTrace(holder, stackHere)
  Error.stackTraceLimit = before
  return holder.stack
}

function listenTo<Of>(listeners: Record<string, (message: Of) => unknown>): () => void {
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

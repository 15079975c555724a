/** One request with two indexed queries, recorded in one of three ways; `FEATURES` says which.
 *    nothing   node:http and pg
 *    ours      the same, with a span and a log line for the request, spans for its queries, histograms, OTLP
 *    otel      the same by OpenTelemetry's SDK with its instrumentation of http and pg, pino and prom-client */
import { createRequire } from 'node:module'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { loadPeers } from '../http/servers/peers.ts'
import { createExporter, createTelemetry, otelSettings } from '../../packages/tenfold/src/telemetry/index.ts'

type Query = (text: string, values: unknown[]) => Promise<unknown>
type Answer = (query: Query) => Promise<unknown>
type Around = (request: IncomingMessage, response: ServerResponse, answer: Answer) => Promise<void>

const { FEATURES = 'nothing', OTLP_URL = '', DATABASE_URL = '' } = process.env
const require = createRequire(import.meta.url)

// Before http and pg are loaded: instrumentation changes them as they are.
const around = FEATURES === 'ours' ? await ours() : FEATURES === 'otel' ? await byOpenTelemetry() : nothing()
const { createServer } = require('node:http') as typeof import('node:http')
const { Pool } = require('pg') as typeof import('pg')

const pool = new Pool({ connectionString: DATABASE_URL, max: 8 })
const query: Query = (text, values) => pool.query(text, values)

const answer: Answer = async (run) => {
  const id = 1 + Math.floor(Math.random() * 1000)
  await run('select id, name from item where id = $1', [id])
  return run('select id, name from item where id = $1', [id + 1])
}

const server = createServer((request, response) => {
  request.resume().on('end', () => void around(request, response, answer))
})
// Between its slices a server is left alone, longer than a connection usually stays.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  process.stderr.write(`listening on ${(server.address() as { port: number }).port}\n`)
})
process.stdin.resume().on('end', () => process.exit())

function reply(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '11' }).end('{"ok":true}')
}

function nothing(): Around {
  return async (_request, response, work) => {
    await work(query)
    reply(response)
  }
}

async function ours(): Promise<Around> {
  const telemetry = createTelemetry({ service: 'shop', env: 'production' })
  const settings = otelSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTLP_URL })
  await createExporter({ telemetry, settings })?.start()
  const labels = { 'http.request.method': 'POST', 'http.route': '/orders', 'http.response.status_class': '2xx' }
  const durations = telemetry.metrics
    .histogram('http.server.request.duration', { help: 'Duration of requests.', unit: 's' })
    .series(labels)
  const queries = telemetry.metrics.histogram('db.client.operation.duration', { help: 'Of statements.', unit: 's' })
  const traced: Query = async (text, values) => {
    const started = performance.now()
    const span = telemetry.start('query', text, { 'db.system.name': 'postgresql' })
    const result = await query(text, values)
    queries.record((performance.now() - started) / 1000, { module: 'orders' })
    span.end()
    return result
  }
  return (request, response, work) =>
    telemetry.root(
      {
        kind: 'request',
        name: 'POST /orders',
        traceparent: request.headers.traceparent as string | undefined,
        attributes: { 'http.request.method': 'POST', 'url.path': request.url ?? '', 'http.route': '/orders' },
      },
      async (context) => {
        const started = performance.now()
        await work(traced)
        reply(response)
        context.root.set('http.response.status_code', 200)
        const ms = performance.now() - started
        durations.record(ms / 1000)
        telemetry.log.access({
          level: 'info',
          message: 'POST /orders 200',
          requestId: 'r1',
          method: 'POST',
          path: request.url ?? '',
          status: 200,
          ms,
          bytes: 11,
          ip: request.socket.remoteAddress ?? '',
          userId: undefined,
          code: undefined,
        })
      },
    )
}

async function byOpenTelemetry(): Promise<Around> {
  const load = await loadPeers()
  const { NodeSDK } = await load('@opentelemetry/sdk-node')
  const { OTLPTraceExporter } = await load('@opentelemetry/exporter-trace-otlp-proto')
  const { HttpInstrumentation } = await load('@opentelemetry/instrumentation-http')
  const { PgInstrumentation } = await load('@opentelemetry/instrumentation-pg')
  const instrumentations = [new HttpInstrumentation(), new PgInstrumentation()]
  const traceExporter = new OTLPTraceExporter({ url: OTLP_URL })
  new NodeSDK({ serviceName: 'shop', traceExporter, instrumentations }).start()
  const { trace } = await load('@opentelemetry/api')
  const { Histogram } = await load('prom-client')
  const { pino } = await load('pino')
  const log = pino({}, pino.destination({ dest: 1, sync: false }))
  const name = 'http_server_request_duration_seconds'
  const labelNames = ['method', 'route', 'status']
  const durations = new Histogram({ name, help: 'Duration of requests.', labelNames })
  return async (request, response, work) => {
    const started = performance.now()
    await work(query)
    reply(response)
    const ms = performance.now() - started
    durations.observe({ method: 'POST', route: '/orders', status: '200' }, ms / 1000)
    const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {}
    const ip = request.socket.remoteAddress
    log.info(
      { trace_id: traceId, span_id: spanId, method: 'POST', path: request.url, status: 200, ms, bytes: 11, ip },
      'POST /orders 200',
    )
  }
}

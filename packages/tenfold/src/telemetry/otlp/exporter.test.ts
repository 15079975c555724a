import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { REQUESTS } from './messages.ts'
import { encodeProtobuf } from './protobuf.ts'
import { createExporter, createTelemetry, otelSettings, type Exporter, type Telemetry } from '../index.ts'

/** JSON that a test knows the form of. */
type Loose = ReturnType<typeof JSON.parse>

interface Decoder {
  decode(bytes: Uint8Array): object
  toObject(message: object, options: object): Loose
}

/** The official definitions, compiled by OpenTelemetry itself. */
const { default: root } = (await import('@opentelemetry/otlp-transformer/build/src/generated/root.js')) as Loose
const { opentelemetry } = root
const { trace, metrics, logs } = opentelemetry.proto.collector
const DECODERS: Record<string, Decoder> = {
  '/v1/traces': trace.v1.ExportTraceServiceRequest,
  '/v1/metrics': metrics.v1.ExportMetricsServiceRequest,
  '/v1/logs': logs.v1.ExportLogsServiceRequest,
}

interface Received {
  path: string
  headers: IncomingHttpHeaders
  /** As OTLP's JSON says it, whichever way it came. */
  body: Loose
}

/** A collector: takes what it can decode, and answers with `status()`. */
async function collector(t: TestContext, { status = () => 200 }: { status?: () => number } = {}) {
  const received: Received[] = []
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const answer = status()
    if (answer === 200) {
      const raw = Buffer.concat(chunks)
      const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
      const path = request.url!
      received.push({ path, headers: request.headers, body: decode(path, bytes, request.headers['content-type']!) })
    }
    response.writeHead(answer, answer === 429 ? { 'retry-after': '0' } : {}).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const address = server.address() as { port: number }
  return { received, url: `http://127.0.0.1:${address.port}` }
}

function decode(path: string, bytes: Buffer, type: string): unknown {
  if (type === 'application/json') return JSON.parse(bytes.toString())
  const decoder = DECODERS[path]!
  return decoder.toObject(decoder.decode(bytes), { longs: String, bytes: Array, json: true })
}

function exporting(t: TestContext, variables: Record<string, string>): { telemetry: Telemetry; exporter: Exporter } {
  const settings = otelSettings({ OTEL_BSP_SCHEDULE_DELAY: '20', OTEL_BLRP_SCHEDULE_DELAY: '20', ...variables })
  const { sampler } = settings
  const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} }, sampler })
  const exporter = createExporter({ telemetry, settings, slow: '200ms' })!
  void exporter.start()
  t.after(async () => {
    await exporter.stop()
    await telemetry.close()
  })
  return { telemetry, exporter }
}

const hex = (bytes: number[]): string => Buffer.from(bytes).toString('hex')
const spansOf = (received: Received[]): Loose[] =>
  received.filter(({ path }) => path === '/v1/traces').flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans)
const attributes = (item: Loose): Record<string, unknown> =>
  Object.fromEntries(item.attributes.map(({ key, value }: Loose) => [key, Object.values(value)[0]]))

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to that within 30 seconds')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function someWork(telemetry: Telemetry, traceparent?: string): Promise<void> {
  await telemetry.root(
    {
      kind: 'request',
      name: 'GET /orders/:id',
      traceparent,
      attributes: { 'http.route': '/orders/:id', password: 'x' },
    },
    async (context) => {
      telemetry.metrics.histogram('http.server.request.duration', { help: 'Of requests.', unit: 's' }).record(0.02)
      telemetry.metrics.counter('orders.placed', { help: 'Orders.', unit: '{order}' }).add(2, { country: 'DE' })
      telemetry.log.info('order placed', { orderId: 7, total: 12.5, big: { nested: true } })
      await telemetry.span('query', 'select', {}, async () => {})
      context.root.set('http.response.status_code', 200)
    },
  )
}

for (const protocol of ['http/protobuf', 'http/json'] as const) {
  test(`traces, metrics and logs go out as ${protocol}, and the official definitions read them`, async (t) => {
    const { received, url } = await collector(t)
    const { telemetry, exporter } = exporting(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=se%20cret',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SERVICE_NAME: 'web-shop',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,cloud.region=eu%2Dwest',
    })
    await someWork(telemetry, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    await exporter.flush()
    await until(() => new Set(received.map(({ path }) => path)).size === 3)

    const resource = attributes(received[0]!.body[Object.keys(received[0]!.body)[0]!][0].resource)
    assert.equal(resource['service.name'], 'web-shop')
    assert.equal(resource['cloud.region'], 'eu-west')
    assert.equal(received[0]!.headers['api-key'], 'se cret')

    const id = (value: Loose): string => (typeof value === 'string' ? value : hex(value))
    const [root, query] = spansOf(received).sort((a, b) => a.name.localeCompare(b.name))
    assert.equal(id(root.traceId), '0af7651916cd43dd8448eb211c80319c')
    assert.equal(id(root.parentSpanId), 'b7ad6b7169203331')
    assert.equal(id(query.parentSpanId), id(root.spanId))
    assert.equal(root.name, 'GET /orders/:id')
    assert.equal(attributes(root)['http.route'], '/orders/:id')
    assert.equal(attributes(root)['http.response.status_code'], '200')
    assert.equal(attributes(root)['password'], '[redacted]')
    assert.ok(BigInt(root.endTimeUnixNano) >= BigInt(root.startTimeUnixNano))
    assert.ok(Math.abs(Number(BigInt(root.startTimeUnixNano) / 1_000_000n) - Date.now()) < 60_000)

    const all = received.find(({ path }) => path === '/v1/metrics')!.body.resourceMetrics[0].scopeMetrics[0].metrics
    const named = (name: string): Loose => all.find((metric: Loose) => metric.name === name)
    const histogram = named('http.server.request.duration').histogram.dataPoints[0]
    assert.equal(histogram.count, '1')
    assert.equal(histogram.bucketCounts.length, histogram.explicitBounds.length + 1)
    assert.equal(histogram.bucketCounts[histogram.explicitBounds.indexOf(0.025)], '1')
    assert.equal(id(histogram.exemplars[0].traceId), '0af7651916cd43dd8448eb211c80319c')
    assert.equal(named('orders.placed').sum.isMonotonic, true)
    assert.equal(named('orders.placed').sum.dataPoints[0].asDouble, 2)
    assert.ok(named('process.memory.usage').gauge.dataPoints[0].asDouble > 0)

    const [line] = received.find(({ path }) => path === '/v1/logs')!.body.resourceLogs[0].scopeLogs[0].logRecords
    assert.equal(line.body.stringValue, 'order placed')
    assert.equal(line.severityText, 'INFO')
    assert.equal(id(line.traceId), '0af7651916cd43dd8448eb211c80319c')
    assert.deepEqual(attributes(line), { orderId: '7', total: 12.5, big: '{"nested":true}' })
  })
}

test('what failed or was slow is exported whatever the sampler says, and slow ones are marked', async (t) => {
  const { received, url } = await collector(t)
  const { telemetry, exporter } = exporting(t, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
  })
  const root = (name: string, fn: () => Promise<void>): Promise<void> =>
    telemetry.root({ kind: 'request', name }, async () => {
      assert.match(telemetry.traceparent()!, /-00$/, 'whoever is called is told')
      await fn()
    })
  await root('ordinary', async () => {})
  await root('slow', () => new Promise((resolve) => setTimeout(resolve, 250)))
  await assert.rejects(root('failed', () => Promise.reject(new Error('broken'))))
  await exporter.flush()
  await until(() => spansOf(received).length >= 2)
  const spans = spansOf(received)
  assert.deepEqual(
    spans.map(({ name }) => name as string).toSorted((a, b) => a.localeCompare(b)),
    ['failed', 'slow'],
  )
  assert.equal(attributes(spans.find(({ name }) => name === 'slow'))['tenfold.slow'], true)
  assert.equal(spans.find(({ name }) => name === 'failed').status.message, 'broken')
})

test('a ratio samples that share, alike for the same trace, and a caller that decided is followed', async (t) => {
  const { telemetry } = exporting(t, {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  let sampled = 0
  const count = (): Promise<void> =>
    telemetry.root(
      { kind: 'task', name: 'x' },
      async () => void (sampled += telemetry.traceparent()!.endsWith('01') ? 1 : 0),
    )
  for (let i = 0; i < 4000; i++) await count()
  assert.ok(sampled > 800 && sampled < 1200, `${sampled} of 4000`)
  for (const flags of ['00', '01']) {
    const traceparent = `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`
    await telemetry.root({ kind: 'task', name: 'x', traceparent }, async () =>
      assert.ok(telemetry.traceparent()!.endsWith(flags)),
    )
  }
})

test('a collector that is away or busy is tried again; memory stays bounded, and what is lost is counted', async (t) => {
  const state = { answer: 503 }
  const { received, url } = await collector(t, { status: () => state.answer })
  const { telemetry, exporter } = exporting(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_BSP_MAX_QUEUE_SIZE: '50',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
  })
  for (let i = 0; i < 200; i++) await telemetry.root({ kind: 'task', name: 'work' }, async () => {})
  const dropped = (): number =>
    telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.telemetry.export.dropped')!.value
  assert.ok(dropped() >= 130, `${dropped()} dropped while 50 may wait and 10 are on their way`)
  state.answer = 429
  await new Promise((resolve) => setTimeout(resolve, 50))
  state.answer = 200
  await exporter.flush()
  await until(() => spansOf(received).length + dropped() === 200)
  assert.ok(spansOf(received).length >= 50)
})

test('a collector that takes the connection and says nothing is given up', async (t) => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close().closeAllConnections())
  const { telemetry, exporter } = exporting(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(silent.address() as { port: number }).port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '20',
    OTEL_METRICS_EXPORTER: 'none',
  })
  await someWork(telemetry)
  await exporter.stop()
  const dropped = telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.telemetry.export.dropped')!
  assert.equal(dropped.value, 2)
})

test('what a collector refuses for good is dropped at once', async (t) => {
  const { url } = await collector(t, { status: () => 400 })
  const { telemetry, exporter } = exporting(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: 'none' })
  await someWork(telemetry)
  await exporter.flush()
  await until(() =>
    telemetry.metrics
      .snapshot()
      .some(
        ({ name, labels, value }) =>
          name === 'tenfold.telemetry.export.dropped' && labels['signal'] === 'traces' && value === 2,
      ),
  )
})

test('with delta temporality a counter tells what it gained', async (t) => {
  const { received, url } = await collector(t)
  const { telemetry, exporter } = exporting(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  })
  const counter = telemetry.metrics.counter('orders.placed', { help: 'Orders.', unit: '{order}' })
  for (const gained of [3, 4]) {
    counter.add(gained)
    await exporter.flush()
  }
  await until(() => received.length >= 2)
  const sums = received.flatMap(({ body }) =>
    body.resourceMetrics[0].scopeMetrics[0].metrics.filter((one: Loose) => one.name === 'orders.placed'),
  )
  assert.deepEqual(
    sums.map(({ sum }) => [sum.aggregationTemporality, sum.dataPoints[0].asDouble]),
    [
      [1, 3],
      [1, 4],
    ],
  )
})

test('nothing is exported unless it is asked for, and wrong variables are told all at once', () => {
  assert.deepEqual(otelSettings({}).signals, {})
  assert.deepEqual(
    otelSettings({ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).signals,
    {},
  )
  assert.equal(otelSettings({ OTEL_TRACES_EXPORTER: 'otlp' }).signals.traces?.url, 'http://localhost:4318/v1/traces')
  assert.throws(
    () =>
      otelSettings({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_TRACES_SAMPLER: 'sometimes',
        OTEL_EXPORTER_OTLP_HEADERS: 'nonsense',
      }),
    (error: { code: string; message: string }) =>
      error.code === 'TF_OTEL_SETTING' &&
      ['ENDPOINT', 'PROTOCOL', 'SAMPLER', 'HEADERS'].every((name) => error.message.includes(name)),
  )
})

test('numbers of 64 bits and texts of any length survive the way through protobuf', () => {
  const spans = ['', 'é'.repeat(41), 'x'.repeat(42), '…'.repeat(5000)].map((name, i) => ({
    traceId: 'ab'.repeat(16),
    spanId: '0f'.repeat(8),
    name,
    startTimeUnixNano: ['0', '1795339689067123000', '18446744073709551615', '4294967296'][i],
    attributes: ['-1', '9007199254740993', '127', '-9223372036854775808'].map((intValue) => ({
      key: 'n',
      value: { intValue },
    })),
  }))
  const message = { resourceSpans: [{ scopeSpans: [{ spans }] }] }
  const decoded = decode('/v1/traces', Buffer.from(encodeProtobuf(REQUESTS.traces, message)), 'protobuf') as Loose
  const read = decoded.resourceSpans[0].scopeSpans[0].spans
  assert.deepEqual(
    read.map((span: Loose) => ({ ...span, traceId: hex(span.traceId), spanId: hex(span.spanId) })),
    spans,
  )
})

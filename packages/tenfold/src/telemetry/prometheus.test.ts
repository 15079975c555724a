import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createMetricsServer, createTelemetry, type Telemetry } from './index.ts'
import { metricsFormat, renderMetrics } from './prometheus.ts'

const silent = (t: TestContext): Telemetry => {
  const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
  t.after(() => telemetry.close())
  return telemetry
}

async function recordSome(telemetry: Telemetry): Promise<void> {
  const duration = telemetry.metrics.histogram('http.server.request.duration', {
    help: 'Duration of HTTP requests.',
    unit: 's',
  })
  await telemetry.root({ kind: 'request', name: 'GET /orders/:id' }, async () => {
    duration.record(0.007, { 'http.route': '/orders/:id' })
    duration.record(0.003, { 'http.route': '/orders/:id' })
    duration.record(42, { 'http.route': '/orders/:id' })
  })
  const counter = telemetry.metrics.counter('orders.placed', { help: 'A "quoted"\nline \\', unit: '{order}' })
  counter.add(3, { country: 'a"b\\c\nd' })
}

/** What `promtool check metrics` says about a text; empty when it has nothing to say. */
function promtool(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0 ? said.trim() : `${said.trim()} (exit ${code})`))
    child.stdin.end(text)
  })
}

test('promtool has nothing to say about the metrics, and does about a wrong one', async (t) => {
  const telemetry = silent(t)
  await recordSome(telemetry)
  const text = renderMetrics(telemetry, 'text')
  assert.equal(await promtool(text), '')
  assert.notEqual(await promtool(`${text}# TYPE ordersPlaced counter\nordersPlaced 1\n`), '')
})

test('names, buckets and labels follow the conventions', async (t) => {
  const telemetry = silent(t)
  await recordSome(telemetry)
  const text = renderMetrics(telemetry, 'text')
  assert.match(text, /^http_server_request_duration_seconds_bucket\{http_route="\/orders\/:id",le="0.005"\} 1$/m)
  assert.match(text, /^http_server_request_duration_seconds_bucket\{http_route="\/orders\/:id",le="0.01"\} 2$/m)
  assert.match(text, /^http_server_request_duration_seconds_bucket\{http_route="\/orders\/:id",le="\+Inf"\} 3$/m)
  assert.match(text, /^http_server_request_duration_seconds_count\{http_route="\/orders\/:id"\} 3$/m)
  assert.match(text, /^orders_placed_total\{country="a\\"b\\\\c\\nd"\} 3$/m)
  assert.match(text, /^target_info\{service_name="shop",.*deployment_environment_name="test"\} 1$/m)
})

test('OpenMetrics is given to who asks for it, and has exemplars with the trace', async (t) => {
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  assert.equal(metricsFormat(prometheus), 'openmetrics')
  assert.equal(metricsFormat('text/plain;version=0.0.4, application/openmetrics-text;q=0.5'), 'text')
  assert.equal(metricsFormat('*/*'), 'text')
  assert.equal(metricsFormat(undefined), 'text')

  const telemetry = silent(t)
  renderMetrics(telemetry, 'openmetrics')
  await recordSome(telemetry)
  const text = renderMetrics(telemetry, 'openmetrics')
  assert.match(text, /le="0.01"\} 2 # \{trace_id="[0-9a-f]{32}",span_id="[0-9a-f]{16}"\} 0.007 \d+\.\d{3}$/m)
  assert.match(text, /^# TYPE orders_placed counter\norders_placed_total\{/m)
  assert.ok(text.endsWith('\n# EOF\n'))
})

test('the port answers to loopback names without a token, and to the token alone with one', async (t) => {
  const telemetry = silent(t)
  const open = createMetricsServer({ telemetry, port: 0 })
  const guarded = createMetricsServer({ telemetry, port: 0, token: 'a-token-for-scrapers' })
  for (const server of [open, guarded]) {
    await server.start()
    t.after(() => server.stop())
  }
  const status = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
    (await fetch(url, { headers })).status
  assert.equal(await status(open.url()), 200)
  assert.equal(await status(open.url().replace('/metrics', '/')), 404)
  assert.equal(await status(guarded.url()), 401)
  assert.equal(await status(guarded.url(), { authorization: 'Bearer another-token' }), 401)
  assert.equal(await status(guarded.url(), { authorization: 'Bearer a-token-for-scrapers' }), 200)
  await assert.rejects(createMetricsServer({ telemetry, port: Number(new URL(open.url()).port) }).start(), {
    code: 'TF_METRICS_PORT_TAKEN',
  })
})

test('a real Prometheus scrapes it, keeps the series and the exemplars', async (t) => {
  const telemetry = silent(t)
  telemetry.metrics.keepExemplars()
  await recordSome(telemetry)
  const server = createMetricsServer({ telemetry, port: 0, token: 'a-token-for-scrapers' })
  await server.start()
  t.after(() => server.stop())
  const api = await startPrometheus(t, new URL(server.url()).host)

  const value = await eventually(async () => {
    const answer = await ask(api, `query?query=${encodeURIComponent('http_server_request_duration_seconds_count')}`)
    return answer.data.result[0]?.value?.[1]
  })
  assert.equal(value, '3')
  const up = await ask(api, 'query?query=up')
  assert.equal(up.data.result[0].value[1], '1')
  const now = Date.now() / 1000
  const exemplars = await eventually(async () => {
    const range = `start=${now - 600}&end=${now + 600}`
    const answer = await ask(api, `query_exemplars?query=http_server_request_duration_seconds_bucket&${range}`)
    return answer.data[0]?.exemplars
  })
  assert.match(exemplars[0].labels.trace_id, /^[0-9a-f]{32}$/)
})

async function startPrometheus(t: TestContext, target: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-prometheus-'))
  await writeFile(
    join(folder, 'prometheus.yml'),
    `scrape_configs:
  - job_name: shop
    scrape_interval: 1s
    authorization: { credentials: a-token-for-scrapers }
    static_configs: [{ targets: ['${target}'] }]
`,
  )
  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise((resolve) => child.on('close', resolve))
  t.after(async () => {
    child.kill()
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  return `http://127.0.0.1:${port}/api/v1`
}

async function ask(api: string, question: string): Promise<ReturnType<typeof JSON.parse>> {
  return (await fetch(`${api}/${question}`)).json()
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const seen = await look().catch(() => undefined)
    if (seen !== undefined) return seen
    if (Date.now() > deadline) throw new Error('not seen within a minute')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createInspector, createStore, migrations, type Inspector, type JobSummary, type Store } from './index.ts'

const SECRET = 'hunter2-planted'

let db: TestDatabase
let telemetry: Telemetry
let store: Store
let inspector: Inspector
let requestTrace = ''

const summary: JobSummary = {
  name: 'orders.send-receipt',
  waiting: 3,
  delayed: 0,
  running: 1,
  dead: 2,
  doneLastHour: 9,
  failedLastHour: 1,
  oldestWaitingMs: 4000,
  meanRunMs: 12,
}

before(async () => {
  telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
  db = await testDatabase({ migrations: [migrations], telemetry })
  store = createStore({ db: db.system, telemetry, roles: ['web', 'worker'], flushEvery: '1m' })
  await store.start()
  inspector = createInspector({
    db: db.system,
    store,
    app: 'shop',
    version: '1.0.0',
    env: 'test',
    startedAt: 1,
    stage: () => ({ number: 1, name: 'one machine' }),
    bindings: () => [{ part: 'database', bound: 'embedded', embedded: true, variable: 'DATABASE_URL' }],
    jobs: {
      list: async () => [],
      summary: async () => [summary, { ...summary, name: 'orders.other', oldestWaitingMs: 9000 }],
      get: async () => undefined,
      retry: async (id) => id === '1',
      discard: async () => false,
      cancel: async () => true,
      pause: async () => {},
      resume: async () => true,
    },
  })
  let traceparent: string | undefined
  await telemetry.root({ kind: 'request', name: 'POST /orders', module: 'orders' }, async (context) => {
    requestTrace = context.traceId
    context.userId = 'u1'
    for (let i = 0; i < 3; i++) await db.system.query('select $1::int as n, $2::text as t', [i, SECRET])
    telemetry.log.info('order placed', { orderId: 'o-77' })
    telemetry
      .start('outgoing', 'POST api.example.com', {
        'url.full': `https://me:${SECRET}@api.example.com/?token=${SECRET}`,
        authorization: SECRET,
      })
      .end()
    await telemetry.span('enqueue', 'orders.send-receipt', {}, async () => {
      traceparent = telemetry.traceparent()
    })
  })
  await telemetry
    .root(
      { kind: 'job', name: 'orders.send-receipt', module: 'orders', ...(traceparent && { traceparent }) },
      async () => {
        telemetry.log.error('no mail server', { err: new Error('refused') })
        throw new Error('refused')
      },
    )
    .catch(() => {})
  telemetry.log.warn('outside of any trace')
  assert.equal(await store.flush(), true)
})
after(async () => {
  await store.stop()
  await telemetry.close()
  await db.close()
})

test('the overview tells of requests, processes, jobs, the database, and its own cost', async () => {
  const overview = await inspector.overview({ minutes: 60 })
  assert.equal(overview.totals.requests, 1)
  assert.equal(
    overview.series.reduce((sum, point) => sum + point.requests, 0),
    1,
  )
  assert.deepEqual(
    overview.processes.map(({ instanceId, roles, pid }) => ({ instanceId, roles, pid })),
    [{ instanceId: telemetry.instanceId, roles: ['web', 'worker'], pid: process.pid }],
  )
  assert.ok(overview.processes[0]!.memoryBytes > 10_000_000)
  assert.ok(Math.abs(overview.processes[0]!.seenAt - Date.now()) < 60_000)
  assert.deepEqual(overview.jobs, { waiting: 6, running: 2, dead: 4, oldestWaitingMs: 9000 })
  assert.match(overview.database.version, /^\d+/)
  assert.ok(
    overview.database.sizeBytes > 1_000_000 &&
      overview.database.connections >= 1 &&
      overview.database.maxConnections >= 10,
  )
  assert.ok(overview.database.cacheHitRatio > 0 && overview.database.cacheHitRatio <= 1)
  assert.ok(overview.telemetry.storeBytes > 0)
  assert.equal(overview.telemetry.droppedTraces, 0)
  assert.equal(overview.bindings[0]?.variable, 'DATABASE_URL')
})

test('routes and queries are counted, with the text of the query and its module', async () => {
  const [route] = await inspector.routes({ minutes: 60 })
  assert.deepEqual(
    { name: route?.name, module: route?.module, requests: route?.requests, queries: route?.queriesPerRequest },
    {
      name: 'POST /orders',
      module: 'orders',
      requests: 1,
      queries: 3,
    },
  )
  const [query] = await inspector.queries({ minutes: 60 })
  assert.equal(query?.text, 'select ?::int as n, ?::text as t')
  assert.deepEqual([query?.calls, query?.rows, query?.module], [3, 3, 'tenfold'])
  assert.ok(query!.p95 > 0 && Math.abs(query!.meanMs * 3 - query!.totalMs) < 1e-9)
})

test('a heat map counts each request in the row of its length, of one route or of all', async () => {
  const [{ name: route } = { name: '' }] = await inspector.routes({ minutes: 60 })
  for (const minutes of [10, 60, 1440]) {
    const total = async (name?: string): Promise<number> =>
      (await inspector.heat({ minutes, ...(name !== undefined && { name }) })).counts.flat().reduce((a, b) => a + b, 0)
    assert.deepEqual([await total(), await total(route), await total('GET /nothing')], [1, 1, 0], `${minutes} minutes`)
  }
  const { times, edges, counts } = await inspector.heat({ minutes: 60 })
  assert.equal(counts.length, times.length)
  assert.ok(counts.every((rows) => rows.length === edges.length + 1))
})

test('a trace holds the request, the job that it enqueued, and the log lines of both', async () => {
  const trace = await inspector.trace(requestTrace)
  assert.equal(trace?.name, 'POST /orders')
  assert.equal(trace?.userId, 'u1')
  const byId = new Map(trace!.tree.map((span) => [span.spanId, span]))
  const job = trace!.tree.find(({ kind }) => kind === 'job')!
  assert.equal(job.error, 'refused')
  assert.equal(byId.get(job.parentId!)?.kind, 'enqueue')
  assert.ok(job.offsetMs >= 0)
  assert.equal(trace!.queries, 3)
  assert.deepEqual(
    trace!.logs.map(({ message }) => message),
    ['order placed', 'no mail server'],
  )
})

test('planted secrets are not in the store', async () => {
  for (const table of ['telemetry_trace', 'telemetry_log', 'telemetry_query_text', 'telemetry_operation_10s']) {
    const { rows } = await db.system.query(`select * from tenfold.${table} t where t::text like $1`, [`%${SECRET}%`])
    assert.deepEqual(rows, [], table)
  }
  const outgoing = (await inspector.trace(requestTrace))!.tree.find(({ kind }) => kind === 'outgoing')!
  assert.equal(outgoing.attributes['url.full'], 'https://me:[redacted]@api.example.com/?token=[redacted]')
})

test('traces are filtered and paged, the newest first', async () => {
  for (let i = 0; i < 7; i++) await telemetry.root({ kind: 'task', name: `paged ${i}` }, async () => {})
  await store.flush()
  const names: string[] = []
  for (let before: number | undefined, page = 0; page < 10; page++) {
    const found = await inspector.traces({
      kind: 'task',
      name: 'paged',
      limit: 2,
      ...(before !== undefined && { before }),
    })
    if (found.length === 0) break
    names.push(...found.map(({ name }) => name))
    before = found.at(-1)!.startedAt
  }
  assert.deepEqual(
    names,
    [6, 5, 4, 3, 2, 1, 0].map((i) => `paged ${i}`),
  )
  assert.equal(await inspector.trace('not a trace'), undefined)
  assert.equal(await inspector.trace('ab'.repeat(16)), undefined)
})

test('logs are filtered by level, text and trace, and paged', async () => {
  const messages = async (filter: Partial<Parameters<Inspector['logs']>[0]>): Promise<string[]> =>
    (await inspector.logs({ limit: 100, ...filter })).map(({ message }) => message)
  assert.deepEqual(await messages({ level: 'warn' }), ['outside of any trace', 'no mail server'])
  assert.deepEqual(await messages({ search: 'ORDER pl' }), ['order placed'])
  assert.deepEqual(await messages({ search: 'o-77' }), ['order placed'])
  assert.deepEqual(await messages({ search: '%' }), [])
  assert.deepEqual(await messages({ trace: requestTrace }), ['no mail server', 'order placed'])
  assert.deepEqual(await messages({ trace: 'x' }), [])
  const [first] = await inspector.logs({ limit: 1 })
  const rest = await messages({ before: first!.id })
  assert.deepEqual([first!.message, ...rest], await messages({}))
})

test('listeners hear of new data until they stop', async () => {
  let heard = 0
  const stop = inspector.onData(() => heard++)
  await store.flush()
  stop()
  await store.flush()
  assert.equal(heard, 1)
})

test('what is not bound is empty, and acting on it says so', async () => {
  assert.deepEqual(await inspector.crons(), [])
  assert.deepEqual(await inspector.mails(), [])
  assert.equal(await inspector.retryJob('1'), true)
  await assert.rejects(inspector.runCron('orders.cleanup'), { code: 'TF_INSPECT_NOT_BOUND' })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Sql, SystemDatabase } from '../database/index.ts'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createInspector, createStore, migrations, type Inspector, type StoreSettings } from './index.ts'
import type { Orders } from './testing/process.ts'
import { unreliable } from './testing/unreliable.ts'

let db: TestDatabase
before(async () => {
  db = await testDatabase({ migrations: [migrations] })
})
after(() => db.close())

function quiet(service = 'shop'): Telemetry {
  return createTelemetry({ service, env: 'test', destination: { write() {} } })
}

/** A process of the app: what it stores is found again by the name of the routes, so that tests can share a database. */
async function instance(settings: StoreSettings = {}, telemetry = quiet()) {
  // Far apart, so that only the test itself flushes.
  const store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m', ...settings })
  await store.start()
  const stop = async (): Promise<void> => {
    await store.stop()
    await telemetry.close()
  }
  return { telemetry, store, stop }
}

function inspector(): Inspector {
  return createInspector({
    db: db.system,
    app: 'shop',
    version: '1.0.0',
    env: 'test',
    startedAt: Date.now(),
    stage: () => ({ number: 1, name: 'one machine' }),
    bindings: () => [],
  })
}

const request = (telemetry: Telemetry, name: string, status = 200): Promise<void> =>
  telemetry.root({ kind: 'request', name, attributes: { 'http.response.status_code': status } }, async () => {})

test('many requests become one statement for each table', async () => {
  const telemetry = quiet()
  const counted: string[] = []
  const store = createStore({ db: counting(db.system, counted), telemetry, roles: ['web'], flushEvery: '1m' })
  await store.start()
  await store.flush()
  counted.length = 0
  for (let i = 0; i < 3000; i++) await request(telemetry, 'GET /many')
  telemetry.log.info('done')
  assert.equal(await store.flush(), true)
  const tables = counted.map((text) => /into (tenfold\.\w+)/.exec(text)?.[1])
  assert.equal(new Set(tables).size, tables.length, `twice the same table: ${tables.join()}`)
  for (const table of ['process', 'operation_10s', 'runtime_10s', 'trace', 'log']) {
    assert.ok(tables.includes(`tenfold.telemetry_${table}`), table)
  }
  const route = (await inspector().routes({ minutes: 5 })).find(({ name }) => name === 'GET /many')
  assert.equal(route?.requests, 3000)
  const traces = await inspector().traces({ name: 'GET /many', limit: 500 })
  assert.ok(traces.length >= 15 && traces.length <= 20, `${traces.length} traces`)
  await store.stop()
  await telemetry.close()
})

/** The same database, writing down each statement that passes. */
function counting(system: SystemDatabase, statements: string[]): SystemDatabase {
  const through = (sql: Sql): Sql['query'] => {
    return (text, values) => {
      statements.push(text)
      return sql.query(text, values)
    }
  }
  return {
    ...system,
    query: through(system),
    transaction: (fn) => system.transaction((tx) => fn({ ...tx, query: through(tx) })),
  }
}

test('every error and every slow trace is kept, while the rest is sampled', async () => {
  const { telemetry, store, stop } = await instance({ slow: 30, sample: { perName: 3, perFlush: 10 } })
  const spin = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }
  for (let i = 0; i < 200; i++) {
    await request(telemetry, 'GET /mixed')
    if (i % 10 === 0) await request(telemetry, 'GET /mixed', 503)
    if (i % 10 === 1)
      await telemetry
        .root({ kind: 'request', name: 'GET /mixed' }, async () => {
          throw new Error(`e${i}`)
        })
        .catch(() => {})
    if (i % 50 === 2) await telemetry.root({ kind: 'request', name: 'GET /mixed' }, async () => spin(35))
  }
  await store.flush()
  const kept = await inspector().traces({ name: 'get /MIXED', limit: 500 })
  assert.equal(kept.filter(({ status }) => status === 503).length, 20)
  assert.equal(kept.filter(({ error }) => error !== undefined).length, 20)
  assert.equal(kept.filter(({ durationMs }) => durationMs > 30).length, 4)
  assert.ok(kept.length <= 20 + 20 + 4 + 3 + 3, `${kept.length} kept`)
  assert.equal((await inspector().traces({ name: 'GET /mixed', error: true, limit: 500 })).length, 40)
  assert.equal((await inspector().traces({ name: 'GET /mixed', min: 30, limit: 500 })).length, 4)
  await stop()
})

test('the percentiles of two processes are those of all requests together', async () => {
  const [a, b] = [await instance(), await instance()]
  const all: number[] = []
  const sink = {
    onTrace: (trace: { name: string; durationUs: number }) =>
      void (trace.name === 'GET /both' && all.push(trace.durationUs / 1000)),
  }
  for (const [{ telemetry }, ms, times] of [
    [a, 0, 300],
    [b, 4, 60],
  ] as const) {
    telemetry.addSink(sink)
    for (let i = 0; i < times; i++) {
      await telemetry.root({ kind: 'request', name: 'GET /both', module: 'shop' }, async () => {
        const until = performance.now() + ms
        while (performance.now() < until);
      })
    }
  }
  assert.equal(await a.store.flush(), true)
  assert.equal(await b.store.flush(), true)
  const route = (await inspector().routes({ minutes: 5 })).find(({ name }) => name === 'GET /both')!
  assert.equal(route.requests, 360)
  const sorted = all.toSorted((x, y) => x - y)
  for (const [q, found] of [
    [0.5, route.p50],
    [0.95, route.p95],
    [0.99, route.p99],
  ] as const) {
    const truth = sorted[Math.ceil(q * sorted.length) - 1]!
    assert.ok(Math.abs(found - truth) / truth < 0.05, `p${q * 100}: ${found} for ${truth}`)
  }
  assert.ok(Math.abs(route.totalMs - all.reduce((x, y) => x + y)) < 1)
  const processes = await inspector().processes()
  for (const { telemetry } of [a, b]) assert.ok(processes.some(({ instanceId }) => instanceId === telemetry.instanceId))
  await Promise.all([a.stop(), b.stop()])
  const left = await inspector().processes()
  assert.ok(!left.some(({ instanceId }) => instanceId === a.telemetry.instanceId))
})

test('real processes are added up in one table, and each leaves no trace of running behind', async () => {
  const durations = [Array.from({ length: 90 }, (_, i) => 1 + (i % 10)), Array.from({ length: 10 }, () => 300)]
  await Promise.all(durations.map((of) => runProcess({ name: 'GET /real', durations: of })))
  const route = (await inspector().routes({ minutes: 5 })).find(({ name }) => name === 'GET /real')!
  assert.equal(route.requests, 100)
  assert.ok(route.p50 < 150, `p50 ${route.p50}`)
  assert.ok(route.p95 >= 290 && route.p99 >= 290, `p95 ${route.p95}`)
  const { rows } = await db.system.query(
    `select distinct instance_id from tenfold.telemetry_operation_10s where name = 'GET /real'`,
  )
  assert.equal(rows.length, 2)
  assert.ok(!(await inspector().processes()).some(({ pid }) => pid !== process.pid))
})

async function runProcess(orders: Pick<Orders, 'name' | 'durations'>): Promise<void> {
  const { url, app, secretKey, roleMode } = db
  const ORDERS = JSON.stringify({ url, app, secretKey, roleMode, ...orders })
  const program = fileURLToPath(new URL('./testing/process.ts', import.meta.url))
  const child = spawn(process.execPath, [program], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ORDERS },
  })
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 0)
}

test('with the database away the app goes on, memory stays bounded, and afterwards it is stored again', async () => {
  const telemetry = quiet()
  const wire = await unreliable(db, telemetry)
  const store = createStore({ db: wire.database.system, telemetry, roles: ['web'], flushEvery: '1m' })
  await store.start()
  assert.equal(await store.flush(), true)

  wire.goAway()
  await request(telemetry, 'GET /away', 500)
  assert.equal(await store.flush(), false)
  const before = heap()
  let answered = 0
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 500; i++) {
      await request(telemetry, 'GET /away', 500)
      telemetry.log.error('it failed', { text: 'x'.repeat(500), i })
      answered++
    }
    assert.equal(await store.flush(), false)
  }
  assert.equal(answered, 10_000)
  const { dropped, failedFlushes } = store.stats()
  assert.ok(failedFlushes >= 21)
  assert.ok(dropped.traces >= 9000 && dropped.logs >= 9000, JSON.stringify(dropped))
  assert.ok(heap() - before < 30 * 1024 * 1024, `the heap grew by ${heap() - before}`)

  await wire.comeBack()
  await eventually(async () => assert.equal(await store.flush(), true))
  const route = (await inspector().routes({ minutes: 5 })).find(({ name }) => name === 'GET /away')
  assert.equal(route?.requests, 10_001, 'counts are complete')
  assert.equal(route?.errors, 10_001)
  const points = telemetry.metrics.snapshot().filter(({ name }) => name === 'tenfold.telemetry.store.dropped')
  assert.equal(points.find(({ labels }) => labels['what'] === 'traces')?.value, store.stats().dropped.traces)
  await store.stop()
  await wire.close()
  await telemetry.close()
})

function heap(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

async function eventually(check: () => Promise<void>, within = 10_000): Promise<void> {
  const deadline = Date.now() + within
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

test('an app starts and stops although there is no database at all', async () => {
  const telemetry = quiet()
  const wire = await unreliable(db, telemetry)
  wire.goAway()
  const store = createStore({ db: wire.database.system, telemetry, roles: ['web'] })
  await store.start()
  await request(telemetry, 'GET /nothing')
  await store.stop()
  await wire.close()
  await telemetry.close()
})

test('what was recorded just before the end is stored by stop', async () => {
  const { telemetry, stop } = await instance()
  await request(telemetry, 'GET /last')
  await stop()
  assert.equal((await inspector().routes({ minutes: 5 })).find(({ name }) => name === 'GET /last')?.requests, 1)
  const { rows } = await db.system.query(`select count from tenfold.telemetry_operation_1m where name = 'GET /last'`)
  assert.equal(rows.length, 1, 'the running minute is stored too')
})

test('a value that Postgres refuses costs its own batch, not the ones after it', async () => {
  const { telemetry, store, stop } = await instance()
  await request(telemetry, 'GET /nul\u0000byte', 500)
  await telemetry.root(
    { kind: 'request', name: 'GET /odd', attributes: { half: '\ud800', nul: 'a\u0000b' } },
    async (context) => {
      context.userId = 'u\u0000'
      telemetry.log.warn('odd \u0000 \ud800', { 'key\u0000': { deep: ['\udfff'] } })
    },
  )
  assert.equal(await store.flush(), true)
  assert.equal((await inspector().traces({ name: 'GET /odd', limit: 1 }))[0]?.userId, 'u')
  await stop()
})

test('the numbers of settings are checked', () => {
  const options = { db: db.system, telemetry: quiet(), roles: [] }
  for (const bad of [
    { flushEvery: 1 },
    { keepDays: { traces: 0 } },
    { sample: { perName: -1 } },
    { maxBytes: 5 },
  ] as const) {
    assert.throws(() => createStore({ ...options, ...bad }), { code: 'TF_TELEMETRY_SETTING' })
  }
})

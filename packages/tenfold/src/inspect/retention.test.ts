import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabase } from '../database/testing/index.ts'
import { fakeClock } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createInspector, createStore, migrations } from './index.ts'

test('old days are dropped as whole partitions, each table after its own time', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const start = Date.UTC(2026, 0, 1, 12)
  const clock = fakeClock(start)
  const telemetry = createTelemetry({ service: 's', env: 'test', destination: { write() {} }, clock })
  const store = createStore({
    db: own.system,
    telemetry,
    roles: [],
    flushEvery: '1m',
    clock,
    keepDays: { traces: 2, logs: 3, tenSeconds: 1, minutes: 14 },
  })
  await store.start()
  const count = async (table: string): Promise<number> =>
    (await own.system.query<{ n: number }>(`select count(*)::int as n from tenfold.${table}`)).rows[0]!.n
  const tables = ['telemetry_operation_10s', 'telemetry_operation_1m', 'telemetry_trace', 'telemetry_log']
  const left = async (): Promise<boolean[]> => Promise.all(tables.map(async (table) => (await count(table)) > 0))

  await telemetry.root({ kind: 'request', name: 'GET /old' }, async () => telemetry.log.info('old'))
  await clock.advance(61_000)
  assert.equal(await store.flush(), true)
  assert.deepEqual(await left(), [true, true, true, true])
  const daysLater = async (days: number): Promise<boolean[]> => {
    await clock.advance(start + days * 86_400_000 - clock.now())
    await store.maintain()
    return left()
  }
  assert.deepEqual(await daysLater(1), [true, true, true, true])
  assert.deepEqual(await daysLater(2), [false, true, true, true])
  assert.deepEqual(await daysLater(3), [false, true, false, true])
  assert.deepEqual(await daysLater(4), [false, true, false, false])
  assert.deepEqual(await daysLater(14), [false, true, false, false])
  assert.deepEqual(await daysLater(15), [false, false, false, false])

  await telemetry.root({ kind: 'request', name: 'GET /new' }, async () => {})
  assert.equal(await store.flush(), true, 'the partitions of today are there')
  const { rows } = await own.system.query<{ n: number }>(
    `select count(*)::int as n from pg_inherits i join pg_class c on c.oid = inhparent where c.relname = 'telemetry_trace'`,
  )
  assert.equal(rows[0]!.n, 5, 'two days back, today and two days ahead')
  await store.stop()
  await telemetry.close()
  await own.close()
})

test('a store that grew too large keeps errors only, and drops the oldest day early', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const telemetry = createTelemetry({ service: 's', env: 'test', destination: { write() {} }, clock })
  const store = createStore({
    db: own.system,
    telemetry,
    roles: [],
    flushEvery: '1m',
    clock,
    maxBytes: 1024 ** 2,
    keepDays: { logs: 5 },
  })
  await store.start()
  await store.flush()
  const fill = (id: number): Promise<unknown> =>
    own.system.query(
      `insert into tenfold.telemetry_log (time, id, level, message, instance_id, fields)
       select to_timestamp($1::float8 / 1000), $2::bigint + n, 30, md5(n::text) || repeat(md5((n * 7)::text), 4), 'x', '{}' from generate_series(1, 5500) n`,
      [clock.now(), id],
    )
  await fill(0)
  await store.maintain()
  telemetry.log.info('ordinary')
  telemetry.log.warn('important')
  await store.flush()
  const messages = async (): Promise<string[]> =>
    (
      await own.system.query<{ message: string }>(
        `select message from tenfold.telemetry_log where instance_id <> 'x' order by id`,
      )
    ).rows.map((row) => row.message)
  assert.deepEqual(await messages(), ['important'])

  await clock.advance(86_400_000)
  await own.system.transaction(async (tx) => {
    await tx.query('select from tenfold.telemetry_log limit 1')
    await store.maintain()
  })
  telemetry.log.info('ordinary, after a reader kept the oldest day')
  await store.flush()
  assert.deepEqual(await messages(), ['important'], 'what could not be tidied does not count as empty')
  const { dropped } = await store.maintain()
  assert.deepEqual(
    dropped.filter((name) => name.startsWith('telemetry_log')),
    ['telemetry_log_20260101'],
  )
  telemetry.log.info('ordinary again')
  await store.flush()
  assert.deepEqual(await messages(), ['ordinary again'])
  await store.stop()
  await telemetry.close()
  await own.close()
})

test('two processes that start at once both get their partitions', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const started = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const telemetry = createTelemetry({ service: 's', env: 'test', destination: { write() {} } })
      const store = createStore({ db: own.system, telemetry, roles: ['web'], flushEvery: '1m' })
      await store.start()
      assert.equal(await store.flush(), true)
      return { store, telemetry }
    }),
  )
  for (const { store, telemetry } of started) {
    assert.equal(store.stats().failedFlushes, 0)
    await store.stop()
    await telemetry.close()
  }
  await own.close()
})

test('hours are added up once over all processes, and long windows read the same numbers from them', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const clock = fakeClock(Date.UTC(2026, 0, 1, 22, 30))
  const telemetry = createTelemetry({ service: 's', env: 'test', destination: { write() {} }, clock })
  const processes = [1, 2].map(() =>
    createStore({ db: own.system, telemetry, roles: [], flushEvery: '1m', clock, keepDays: { minutes: 1 } }),
  )
  for (const store of processes) await store.start()
  const durations: number[] = []
  // Five hours over midnight; both stores hear of each request, so that every number counts twice.
  for (let minute = 0; minute < 300; minute += 5) {
    await telemetry.root({ kind: 'request', name: 'GET /long', module: 'm' }, async () => {
      durations.push(1 + ((minute * 7) % 97))
      await clock.advance(durations.at(-1)!)
    })
    await clock.advance(5 * 60_000)
    for (const store of processes) assert.equal(await store.flush(), true)
  }
  for (const store of processes) await store.maintain()
  const { rows } = await own.system.query<{ name: string; n: number; hours: number }>(
    `select name, sum(count)::float8 as n, count(*)::int as hours from tenfold.telemetry_operation_1h group by name order by name`,
  )
  assert.deepEqual(
    rows.map(({ name, hours }) => [name, hours]),
    [
      ['*', 5],
      ['GET /long', 5],
    ],
    'one row for each hour that is over',
  )
  assert.ok(rows[1]!.n > 90 && rows[1]!.n < 120)

  const inspector = createInspector({
    db: own.system,
    clock,
    app: 's',
    version: '1',
    env: 'test',
    startedAt: 0,
    stage: () => ({ number: 1, name: 'one machine' }),
    bindings: () => [],
  })
  const check = async (minutes: number): Promise<void> => {
    const [route] = await inspector.routes({ minutes })
    assert.equal(route?.requests, 120, `${minutes} minutes`)
    assert.ok(Math.abs(route!.totalMs - 2 * durations.reduce((a, b) => a + b)) < 1)
    const p95 = durations.toSorted((a, b) => a - b)[Math.ceil(0.95 * durations.length) - 1]!
    assert.ok(Math.abs(route!.p95 - p95) / p95 < 0.05, `${route!.p95} for ${p95}`)
  }
  await check(400)
  await check(1440)
  await check(30 * 1440)
  await clock.advance(3 * 86_400_000)
  await processes[0]!.maintain()
  await check(5 * 1440)

  for (const store of processes) await store.stop()
  await telemetry.close()
  await own.close()
})

test('partitions are made beside readers, and one that cannot be dropped yet holds up no other table', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const telemetry = createTelemetry({ service: 's', env: 'test', destination: { write() {} }, clock })
  const keepDays = { traces: 1, logs: 1 }
  const store = createStore({ db: own.system, telemetry, roles: [], flushEvery: '1m', clock, keepDays })
  await store.start()
  const partitions = async (table: string): Promise<string[]> => {
    const { rows } = await own.system.query<{ name: string }>(
      'select c.relname as name from pg_inherits i join pg_class c on c.oid = inhrelid where inhparent = $1::regclass order by 1',
      [`tenfold.${table}`],
    )
    return rows.map(({ name }) => name.slice(-2))
  }
  const reading = (fn: () => Promise<void>): Promise<void> =>
    own.system.transaction(async (tx) => {
      await tx.query('select from tenfold.telemetry_log limit 1')
      await fn()
    })
  await clock.advance(86_400_000)
  await reading(async () => {
    await store.maintain()
  })
  for (const table of ['telemetry_log', 'telemetry_trace', 'telemetry_operation_10s']) {
    assert.ok((await partitions(table)).includes('04'), `${table} has the day after tomorrow`)
  }
  await clock.advance(86_400_000)
  await reading(async () => {
    assert.ok(!(await store.maintain()).dropped.some((name) => name.startsWith('telemetry_log_')))
  })
  assert.ok((await partitions('telemetry_log')).includes('31'), 'what is read stays')
  assert.ok(!(await partitions('telemetry_trace')).includes('31'), 'what is not read goes all the same')
  await store.maintain()
  assert.ok(!(await partitions('telemetry_log')).includes('31'), 'and later so does that')
  await store.stop()
  await telemetry.close()
  await own.close()
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createStore, migrations, readDemand } from './index.ts'

let db: TestDatabase
let telemetry: Telemetry

before(async () => {
  telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'silent' })
  db = await testDatabase({ migrations: [migrations], telemetry })
})
after(() => db.close())

test('what ran is told by slots of time, with its statements and the CPU of that time', async () => {
  const store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m' })
  await store.start()
  const statement = async (text: string): Promise<void> => {
    const span = telemetry.start('query', text, { 'tenfold.module': 'orders' })
    await new Promise((resolve) => setTimeout(resolve, 4))
    span.end()
  }
  for (let i = 0; i < 3; i++) {
    await telemetry.root({ kind: 'request', name: 'GET /orders', module: 'orders' }, () =>
      statement('select * from orders'),
    )
    await telemetry.root({ kind: 'job', name: 'orders.charge', module: 'orders' }, () =>
      statement('update orders set x = ?'),
    )
  }
  // The running minute is written when the store stops.
  await store.stop()
  const found = await readDemand(db.system, { minutes: 10, nowMs: Date.now() + 60_000 })
  const counts = found.slots.flatMap((slot) => Object.entries(slot.counts))
  const of = (name: string): number => counts.filter(([one]) => one === name).reduce((sum, [, n]) => sum + n, 0)
  assert.deepEqual([of('GET /orders'), of('orders.charge')], [3, 3])
  assert.ok(found.slots.every(({ cpuSeconds }) => cpuSeconds >= 0) && found.slots.length >= 1)
  assert.deepEqual(
    found.operations.map(({ kind, name, count, queries }) => [kind, name, count, queries]),
    [
      ['request', 'GET /orders', 3, 1],
      ['job', 'orders.charge', 3, 1],
    ],
  )
  assert.ok(
    found.databaseMs['GET /orders']! >= 3 && found.operations[0]!.meanMs >= found.databaseMs['GET /orders']! * 0.9,
  )
  const { count, totalMs, readMs } = found.statements
  assert.equal(count, 6)
  assert.ok(readMs > 0 && readMs < totalMs)
  assert.deepEqual(
    found.queries
      .map((one) => [one.query, one.module, one.count, one.reads].join(' | '))
      .toSorted((a, b) => a.localeCompare(b)),
    ['select * from orders | orders | 3 | true', 'update orders set x = ? | orders | 3 | false'],
  )
})

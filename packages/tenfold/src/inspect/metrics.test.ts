import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createStore, migrations, readMetric, readMetricByTime } from './index.ts'

let db: TestDatabase
before(async () => {
  db = await testDatabase({ migrations: [migrations] })
})
after(() => db.close())

test('metrics that are kept are stored for each process and label set: what counters gained, what gauges said', async (t) => {
  const names = ['orders.placed', 'orders.open', 'orders.value']
  const processes = ['a', 'b'].map(() => {
    const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
    const settings = { flushEvery: '1m', metrics: names, metricsEvery: 0 } as const
    const store = createStore({ db: db.system, telemetry, roles: ['web'], ...settings })
    t.after(() => telemetry.close())
    return { telemetry, store }
  })
  const from = Date.now() - 60_000
  for (const { telemetry, store } of processes) {
    const { metrics } = telemetry
    const placed = metrics.counter('orders.placed', { help: 'Orders.', unit: '{order}' })
    const open = metrics.gauge('orders.open', { help: 'Open orders.', unit: '{order}' })
    const value = metrics.histogram('orders.value', { help: 'Value.', unit: 'EUR' })
    metrics.counter('not.kept', { help: 'Other.', unit: '1' }).add(1)
    for (const gained of [3, 4]) {
      placed.add(gained, { country: 'DE' })
      placed.add(1, { country: 'a\u0000b' })
      open.set(10 - gained)
      value.record(gained * 10)
      assert.equal(await store.flush(), true)
    }
  }
  const to = Date.now() + 60_000
  const placed = await readMetric(db.system, 'orders.placed', from, to)
  assert.deepEqual(placed.map(({ labels, sum }) => `${labels['country']} ${sum}`).sort(), [
    'DE 7',
    'DE 7',
    'ab 2',
    'ab 2',
  ])
  const open = await readMetric(db.system, 'orders.open', from, to)
  assert.deepEqual(
    open.map(({ min, max, slots }) => [min, max, slots]),
    [
      [6, 7, 2],
      [6, 7, 2],
    ],
  )
  const [values] = await readMetric(db.system, 'orders.value', from, to)
  assert.equal(values!.values.count, 2)
  assert.ok(Math.abs(values!.values.quantile(0.5) - 30) < 1)
  const slots = await readMetricByTime(db.system, 'orders.placed', from, to, 3_600_000)
  assert.equal(
    slots.reduce((sum, slot) => sum + slot.sum, 0),
    18,
  )
  assert.deepEqual(await readMetric(db.system, 'not.kept', from, to), [])
})

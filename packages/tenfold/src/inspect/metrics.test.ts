import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createStore, migrations, readBusiness, readMetric, readMetricByTime } from './index.ts'

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

test('business metrics are told over time: how many, which share, how they lie, and by dimension', async (t) => {
  const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
  t.after(() => telemetry.close())
  const declared = [
    { name: 'shop.sold', kind: 'counter', help: 'Sold.', unit: '{item}' },
    { name: 'shop.paid', kind: 'ratio', help: 'Paid.', unit: '1' },
    { name: 'shop.basket', kind: 'distribution', help: 'Baskets.', unit: 'EUR' },
    { name: 'shop.nothing', kind: 'ratio', help: 'Nothing yet.', unit: '1' },
  ] as const
  const metrics = declared.map(({ name }) => name)
  const store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m', metrics, metricsEvery: 0 })
  const { counter, histogram } = {
    counter: telemetry.metrics.counter('shop.paid', declared[1]),
    histogram: telemetry.metrics.histogram('shop.basket', declared[2]),
  }
  telemetry.metrics.counter('shop.sold', declared[0]).add(5)
  counter.add(3, { country: 'DE', outcome: 'success' })
  counter.add(1, { country: 'DE', outcome: 'failure' })
  counter.add(1, { country: 'FR', outcome: 'failure' })
  for (const value of [10, 20, 30]) histogram.record(value)
  assert.equal(await store.flush(), true)

  const [sold, paid, basket, nothing] = await readBusiness(db.system, declared, { minutes: 60 }, Date.now())
  assert.equal(sold!.value, 5)
  assert.deepEqual([paid!.value, paid!.count], [0.6, 5])
  assert.deepEqual(
    paid!.by.map(({ labels, value }) => [labels['country'], value]),
    [
      ['DE', 0.75],
      ['FR', 0],
    ],
  )
  assert.ok(Math.abs(basket!.value! - 20) < 1 && basket!.count === 3)
  assert.equal(nothing!.value, null)
  assert.equal(sold!.points.length, 61)
  assert.equal(
    sold!.points.reduce((sum, { value }) => sum + (value ?? 0), 0),
    5,
  )
})

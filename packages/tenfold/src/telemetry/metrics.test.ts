import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from './index.ts'
import { MetricRegistry } from './metrics.ts'

const things = { help: 'Things.', unit: '{thing}' }

test('the same labels in any order are one series', () => {
  const metrics = new MetricRegistry(10)
  const counter = metrics.counter('things', things)
  counter.add(1, { a: '1', b: '2' })
  counter.add(2, { b: '2', a: '1' })
  metrics.counter('things', things).add(4, { a: '1', b: '2' })
  assert.deepEqual(
    metrics.snapshot().map(({ labels, value }) => ({ labels, value })),
    [{ labels: { a: '1', b: '2' }, value: 7 }],
  )
})

test('too many label sets go to one overflow series, and memory stays bounded', () => {
  const metrics = new MetricRegistry(100)
  const counter = metrics.counter('things', things)
  for (let i = 0; i < 10_000; i++) counter.add(1, { user: `u${i}` })
  const points = metrics.snapshot()
  assert.ok(points.length <= 102, `${points.length} series`)
  assert.equal(
    points.reduce((sum, { value }) => sum + value, 0),
    10_000,
  )
  const overflow = points.find(({ labels }) => labels['otel.metric.overflow'] === 'true')
  assert.ok(overflow && overflow.value >= 9900)
  assert.ok(metrics.overflowed >= 9900)
})

test('two readers each get every change once', () => {
  const metrics = new MetricRegistry(10)
  const [counter, histogram] = [metrics.counter('c', things), metrics.histogram('h', things)]
  const [first, second] = [metrics.deltas(), metrics.deltas()]
  counter.add(3)
  histogram.record(5)
  assert.deepEqual(
    first().map(({ name, value, histogram: h }) => [name, value, h?.count]),
    [
      ['c', 3, undefined],
      ['h', 0, 1],
    ],
  )
  assert.deepEqual(first(), [])
  counter.add(2)
  assert.deepEqual(
    first().map(({ value }) => value),
    [2],
  )
  assert.equal(second().find(({ name }) => name === 'c')?.value, 5)
})

test('observed metrics are read when asked for, and one that throws is left out', () => {
  const metrics = new MetricRegistry(10)
  let reads = 0
  metrics.observe('depth', things, () => ++reads)
  metrics.observe('broken', things, () => {
    throw new Error('no')
  })
  assert.equal(reads, 0)
  assert.deepEqual(
    metrics.snapshot().map(({ name, value }) => [name, value]),
    [['depth', 1]],
  )
})

test('the runtime is measured', async () => {
  const telemetry = createTelemetry({ service: 's', env: 'test', level: 'silent' })
  const byName = new Map(telemetry.metrics.snapshot().map((point) => [point.name, point.value]))
  assert.ok(byName.get('process.memory.usage')! > 10_000_000)
  assert.ok(byName.get('nodejs.eventloop.utilization')! >= 0)
  for (const name of ['process.cpu.utilization', 'nodejs.eventloop.delay.p99', 'v8js.memory.heap.used'])
    assert.ok(byName.has(name), name)
  await telemetry.close()
})

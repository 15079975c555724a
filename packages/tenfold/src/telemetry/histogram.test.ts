import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf, LAST_BUCKET, LogLinear, middleOf, upperEndOf } from './histogram.ts'

/** The value at that rank of the sorted values. */
function exact(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * values.length) - 1)]!
}

// Repeatable, so that a failure can be looked at again (Park and Miller's generator).
function random(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

/** Two humps and a long tail, as latencies have. */
function latencies(n: number, seed: number): number[] {
  const next = random(seed)
  return Array.from({ length: n }, () => (next() < 0.9 ? 2 + next() * 20 : 100 * (1 - next()) ** -0.7))
}

test('every value lies in its bucket, whose middle is within 3.2 %', () => {
  const next = random(7)
  for (let i = 0; i < 50_000; i++) {
    const value = 2 ** (next() * 70 - 20)
    const bucket = bucketOf(value)
    assert.ok(value < upperEndOf(bucket) && value >= upperEndOf(bucket - 1), `${value} in ${bucket}`)
    assert.ok(Math.abs(middleOf(bucket) - value) / value < 0.032)
  }
  assert.equal(bucketOf(0), 0)
  assert.equal(bucketOf(-5), 0)
  assert.equal(bucketOf(1e300), LAST_BUCKET)
})

test('quantiles are within 5 % of the exact ones', () => {
  const values = latencies(20_000, 1)
  const histogram = new LogLinear()
  for (const value of values) histogram.record(value)
  for (const q of [0.01, 0.5, 0.9, 0.95, 0.99, 0.999]) {
    const truth = exact(values, q)
    assert.ok(
      Math.abs(histogram.quantile(q) - truth) / truth < 0.05,
      `p${q * 100}: ${histogram.quantile(q)} for ${truth}`,
    )
  }
  assert.equal(histogram.count, values.length)
  assert.ok(Math.abs(histogram.mean - values.reduce((a, b) => a + b) / values.length) < 1e-6)
})

test('merged histograms give the quantiles of all values together', () => {
  const [fast, slow] = [latencies(9000, 2), latencies(3000, 3).map((value) => value * 10)]
  const merged = new LogLinear()
  for (const values of [fast, slow]) {
    const one = new LogLinear()
    for (const value of values) one.record(value)
    merged.merge(one.buckets())
  }
  for (const q of [0.5, 0.95, 0.99]) {
    const truth = exact([...fast, ...slow], q)
    assert.ok(Math.abs(merged.quantile(q) - truth) / truth < 0.05)
  }
})

test('what came since an earlier copy is the difference', () => {
  const histogram = new LogLinear()
  for (const value of [1, 2, 3]) histogram.record(value)
  const earlier = histogram.copy()
  for (const value of [100, 1e-3]) histogram.record(value)
  const since = histogram.since(earlier)
  assert.equal(since.count, 2)
  assert.ok(Math.abs(since.sum - 100.001) < 1e-9)
  assert.ok(Math.abs(since.quantile(1) - 100) / 100 < 0.05)
})

test('nothing recorded is zero, and what is no number is ignored', () => {
  const histogram = new LogLinear()
  histogram.record(NaN)
  histogram.record(Infinity)
  assert.equal(histogram.count, 0)
  assert.equal(histogram.quantile(0.99), 0)
  assert.deepEqual(histogram.buckets().counts, [])
})

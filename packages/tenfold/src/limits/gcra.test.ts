import assert from 'node:assert/strict'
import { test } from 'node:test'
import { count, paceOf, waitOf } from './gcra.ts'

test('rounding never costs a request: any max is allowed exactly max times at once, at any time of day', () => {
  for (const max of [1, 2, 3, 7, 9, 11, 13, 49, 99, 333, 997, 12_345]) {
    for (const now of [0, 0.1, 1_753_000_000_123.456]) {
      const paces = [paceOf('test', { max, per: '1m' })]
      const until = new Float64Array(1)
      let allowed = 0
      while (allowed < max * 2 && count(until, paces, 1, now)) allowed++
      assert.equal(allowed, max)
    }
  }
})

test('over a long time not more is allowed than the burst and the steady rate', () => {
  const paces = [paceOf('test', { max: 10, per: '1s' })]
  const until = new Float64Array(1)
  let allowed = 0
  for (let now = 0; now < 100_000; now += 7) if (count(until, paces, 1, now)) allowed++
  assert.ok(allowed >= 1005 && allowed <= 1010, `${allowed}`)
})

test('a wait is just long enough', () => {
  const pace = paceOf('test', { max: 4, per: '1m', burst: 2 })
  assert.equal(waitOf(15_000, pace, 1), 0)
  assert.equal(waitOf(30_000, pace, 1), 15_000)
  assert.equal(waitOf(0, pace, 3), Infinity)
})

test('windows that make no sense are refused', () => {
  for (const window of [
    { max: 0, per: '1m' },
    { max: 1, per: 0 },
    { max: NaN, per: '1m' },
    { max: 5, per: '1m', burst: 0 },
  ] as const) {
    assert.throws(() => paceOf('test', window), { code: 'TF_LIMIT_WINDOW' })
  }
})

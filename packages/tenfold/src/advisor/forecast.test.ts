import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf } from './forecast.ts'

const days = (count: number, of: (day: number) => number): { peakPerSecond: number }[] =>
  Array.from({ length: count }, (_, day) => ({ peakPerSecond: of(day) }))
const wobble = (day: number): number => 1 + 0.05 * Math.sin(day * 12.9898)
const weekend = (day: number): number => (day % 7 > 4 ? 0.6 : 1)

test('a straight line is foretold to the day, and its interval holds it', () => {
  const growth = growthOf(
    days(42, (day) => 100 + 2 * day),
    300,
  )
  assert.ok(growth.known)
  assert.ok(Math.abs(growth.days - 58) <= 2, String(growth.days))
  assert.ok(growth.low <= growth.days && growth.days <= growth.high)
})

test('growth by the week is found beneath quiet weekends and noise', () => {
  const growth = growthOf(
    days(56, (day) => 100 * 1.05 ** (day / 7) * weekend(day) * wobble(day)),
    250,
  )
  assert.ok(growth.known)
  // 100 x 1.05^(w) reaches 250 after 18.8 weeks, eight of which are over.
  assert.ok(growth.low <= 76 && growth.high >= 76, JSON.stringify(growth))
  assert.ok(growth.high - growth.low < 60, JSON.stringify(growth))
  assert.ok(Math.abs(growth.perWeek - 0.05) < 0.02, String(growth.perWeek))
})

test('without three weeks, without growth, and with chaos there is no date', () => {
  assert.deepEqual(
    growthOf(
      days(20, () => 10),
      20,
    ),
    { known: false, reason: 'too few days', days: 20 },
  )
  assert.deepEqual(growthOf(days(40, wobble), 20), { known: false, reason: 'no limit in sight', days: 40 })
  const chaos = growthOf(
    days(40, (day) => ((day * 7919) % 13) ** 2 + 1),
    1000,
  )
  assert.ok(!chaos.known && chaos.reason === 'too irregular', JSON.stringify(chaos))
})

test('one wild day moves nothing', () => {
  const growth = growthOf(
    days(42, (day) => (day === 30 ? 5000 : 100 + 2 * day)),
    300,
  )
  assert.ok(growth.known && Math.abs(growth.days - 58) <= 6, JSON.stringify(growth))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findShifts, type Series } from './index.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 5)
const DAYS = 21

/** Three weeks of a route that is slower by day; `of` says by what else. */
const series = (of: (hour: number) => number, count = (_hour: number) => 500): Series => ({
  kind: 'request',
  name: 'GET /orders',
  hours: Array.from({ length: DAYS * 24 }, (_, hour) => {
    const rhythm = 1 + 0.3 * Math.sin((hour % 24) / 4)
    const noise = 1 + 0.06 * Math.sin(hour * 12.9898) * Math.cos(hour * 4.1)
    return [START + hour * HOUR, count(hour), 20 * rhythm * noise * of(hour)] as const
  }),
})
const last = DAYS * 24

test('a lasting step is found, with its hour and with what was released', () => {
  const at = last - 10
  const changes = [
    { at: START + (at - 30) * HOUR, what: 'release' as const, name: '1.3.0' },
    { at: START + at * HOUR - 600_000, what: 'release' as const, name: '1.4.0' },
    { at: START + at * HOUR - 700_000, what: 'migration' as const, name: 'orders/0007_totals' },
  ]
  const [found] = findShifts([series((hour) => (hour >= at ? 1.6 : 1))], changes)
  assert.ok(found)
  assert.equal(found.at, START + at * HOUR)
  assert.ok(Math.abs(found.after / found.before - 1.6) < 0.15, String(found.after / found.before))
  assert.deepEqual(
    found.with.map(({ name }) => name),
    ['1.4.0', 'orders/0007_totals'],
  )
})

test('what has passed, what is faster, and what lasts an hour is none', () => {
  const none = (of: (hour: number) => number): void => assert.deepEqual(findShifts([series(of)], []), [])
  none(() => 1)
  none((hour) => (hour >= last - 30 && hour < last - 15 ? 2 : 1))
  none((hour) => (hour >= last - 10 ? 0.5 : 1))
  none((hour) => (hour === last - 1 ? 5 : 1))
})

test('without two weeks of past, or with hardly any requests, nothing is said', () => {
  const step = series((hour) => (hour >= last - 10 ? 3 : 1))
  assert.deepEqual(findShifts([{ ...step, hours: step.hours.slice(-10 * 24) }], []), [])
  const rare = series(
    (hour) => (hour >= last - 10 ? 3 : 1),
    () => 5,
  )
  assert.deepEqual(findShifts([rare], []), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../generate/timetable.ts'
import { at, fitUsl } from './usl.ts'

const LAW = { g: 100, a: 0.05, b: 0.001 } // its peak: sqrt(0.95 / 0.001) = 30.8
const PEAK = Math.sqrt((1 - LAW.a) / LAW.b)

function measured(upTo: number, noise: number, seed: number) {
  const random = seeded(seed)
  const ns = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64].filter((n) => n <= upTo)
  return ns.map((n) => ({ n, x: at(LAW, n) * (1 + noise * (random() + random() + random() - 1.5)) }))
}

test('the law is found again in exact points', () => {
  const { alone, contention, crosstalk, peak, peakReached, error } = fitUsl(measured(64, 0, 1))!
  assert.ok(Math.abs(alone.value - LAW.g) < 0.5)
  assert.ok(Math.abs(contention.value - LAW.a) < 0.002)
  assert.ok(Math.abs(crosstalk.value - LAW.b) < 0.0001)
  assert.ok(Math.abs(peak!.n.value - PEAK) < 1 && peakReached && error < 0.01)
})

test('with 5 % noise and points past the peak, the most is found within a tenth, and lies in its interval mostly', () => {
  const most = at(LAW, PEAK)
  const fits = Array.from({ length: 12 }, (_, seed) => fitUsl(measured(64, 0.1, seed))!)
  for (const { peak, peakReached } of fits) {
    assert.ok(peakReached)
    assert.ok(Math.abs(peak!.x.value / most - 1) < 0.1, `peak ${peak!.x.value} of ${most}`)
  }
  assert.ok(fits.filter(({ peak }) => peak!.x.low <= most && most <= peak!.x.high).length >= 8)
})

test('points that end before the peak are no reason to name one', () => {
  for (let seed = 0; seed < 8; seed++) assert.equal(fitUsl(measured(16, 0.1, seed))!.peakReached, false)
})

test('three loads are too few', () => {
  assert.equal(fitUsl(measured(3, 0, 1)), undefined)
})

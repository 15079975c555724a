import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrivals, seeded } from './timetable.ts'

const all = (from: number, to: number, ms: number, poisson = false, seed = 1): number[] => [
  ...arrivals({ from, to, ms, poisson }, seeded(seed)),
]

test('visitors of a steady rate are due evenly, and all of them', () => {
  const times = all(50, 50, 2000)
  assert.equal(times.length, 100)
  for (const [i, time] of times.entries()) assert.ok(Math.abs(time - (i + 0.5) * 20) < 1e-6)
})

test('a ramp has as many visitors as its mean rate, most of them at its high end', () => {
  const times = all(0, 100, 10_000)
  assert.equal(times.length, 500)
  assert.ok(times.every((time, i) => time >= 0 && time <= 10_000 && (i === 0 || time > times[i - 1]!)))
  // Half the time is a quarter of the area under a ramp from nothing.
  assert.equal(times.filter((time) => time < 5000).length, 125)
  assert.equal(all(100, 0, 10_000).filter((time) => time < 5000).length, 375)
})

test('independent visitors come as often on average, with the variance of a Poisson process, and the same for a seed', () => {
  const counts = Array.from({ length: 400 }, (_, seed) => all(100, 100, 1000, true, seed).length)
  const mean = counts.reduce((sum, n) => sum + n, 0) / counts.length
  const variance = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (counts.length - 1)
  assert.ok(Math.abs(mean - 100) < 2, `mean ${mean}`)
  assert.ok(variance > 75 && variance < 125, `variance ${variance}`)
  assert.deepEqual(all(100, 100, 1000, true, 7), all(100, 100, 1000, true, 7))
})

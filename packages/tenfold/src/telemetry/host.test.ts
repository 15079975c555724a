import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskForecast } from './host.ts'

const MINUTE = 60_000
const GB = 1e9

test('a disk that fills is full when the pace of the last hours says so, whatever comes and goes', () => {
  const forecast = new DiskForecast()
  for (let minute = 0; minute < 55; minute += 5) forecast.add(minute * MINUTE, minute * 0.1 * GB)
  assert.equal(forecast.fullIn(100 * GB), undefined, 'less than an hour is no trend')
  for (let minute = 55; minute <= 360; minute += 5) {
    // Half an hour long, something large is there that goes again.
    const guest = minute >= 100 && minute < 130 ? 30 * GB : 0
    forecast.add(minute * MINUTE, minute * 0.1 * GB + guest)
  }
  // 36 GB are used, 64 are left, and 6 are written in an hour.
  assert.ok(Math.abs(forecast.fullIn(100 * GB)! - 64 / 6) < 0.5, String(forecast.fullIn(100 * GB)))
})

test('a disk that does not grow is never full', () => {
  const forecast = new DiskForecast()
  for (let minute = 0; minute <= 360; minute += 5) forecast.add(minute * MINUTE, 50 * GB - (minute % 2))
  assert.equal(forecast.fullIn(100 * GB), undefined)
})

test('points that come too often are left out', () => {
  const forecast = new DiskForecast()
  for (let second = 0; second < 3000; second += 30) forecast.add(second * 1000, second * GB)
  assert.equal(forecast.fullIn(1e6 * GB), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLinear } from '../telemetry/index.ts'
import { LoopWatch, waitQuantile } from './loop.ts'

const stalls = (...ms: number[]): LogLinear => {
  const late = new LogLinear()
  for (const one of ms) late.record(one)
  return late
}

test('a stall of half the time is waited for by half of those who come', () => {
  // One stall of 5 s in 10 s: a quarter waits longer than 2.5 s.
  assert.ok(Math.abs(waitQuantile(stalls(5000), 10_000, 0.75) - 2500) < 150)
  assert.equal(waitQuantile(stalls(5000), 10_000, 0.5), 0)
  assert.equal(waitQuantile(stalls(), 10_000, 0.95), 0)
})

test('rare stalls do not show in the p95, and in the p99 they do', () => {
  const late = stalls(300)
  assert.equal(waitQuantile(late, 10_000, 0.95), 0)
  assert.ok(waitQuantile(late, 10_000, 0.99) > 100)
})

test('a loop that is blocked is seen for as long as it was', async () => {
  const watch = new LoopWatch()
  watch.start()
  await new Promise((resolve) => setTimeout(resolve, 30))
  watch.take()
  const until = performance.now() + 250
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 30))
  const { stalledMs, longestMs } = watch.take()
  watch.stop()
  assert.ok(longestMs >= 200, String(longestMs))
  assert.ok(stalledMs >= longestMs)
})

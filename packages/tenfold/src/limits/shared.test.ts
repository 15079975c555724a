import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import type { LimitStore, Verdict } from './limits.ts'
import { SharedStore } from './shared.ts'

test('what the store allows passes, in whatever order its answers come', async () => {
  let now = 1_000_000
  const answers: ((verdict: Verdict) => void)[] = []
  const store: LimitStore = {
    take: () => new Promise((resolve) => answers.push(resolve)),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const { log } = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const clock = { ...systemClock, elapsed: () => now }
  const shared = new SharedStore({ store, clock, log, timeout: 200 })
  const asked = [0, 50, 50].map((later) => {
    now += later
    return shared.take('k', [{ interval: 1000, tolerance: 3000 }], 1, 'open')
  })
  // The newest is answered first, so that this process starts to count at its time; the oldest comes last.
  for (const answer of answers.toReversed()) {
    answer({ allowed: true, ahead: [0] })
    await new Promise(setImmediate)
  }
  const decisions = await Promise.all(asked.map((one) => Promise.resolve(one)))
  assert.deepEqual(
    decisions.map(({ by, verdict }) => [by, verdict.allowed]),
    [
      ['store', true],
      ['store', true],
      ['store', true],
    ],
  )
  await shared.close()
})

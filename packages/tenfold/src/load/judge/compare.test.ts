import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLinear } from '../../telemetry/index.ts'
import { quantilesOf } from '../gather.ts'
import { seeded } from '../generate/timetable.ts'
import type { LoadResult, StepResult } from '../load.ts'
import { compareRuns, problemOf } from './compare.ts'

/** A run of some rounds at two rates. Latencies vary within a round, and each round has a mood of its own, as on real machines. */
function run(seed: number, slower = 1, rounds = 5): LoadResult {
  const random = seeded(seed)
  const normal = (): number => random() + random() + random() + random() - 2
  const steps = [50, 100].flatMap((rate) =>
    Array.from({ length: rounds }, (): Partial<StepResult> => {
      const mood = Math.exp(normal() * 0.06)
      const latency = new LogLinear()
      for (let i = 0; i < 400; i++) latency.record(20 * slower * mood * Math.exp(normal() * 0.3))
      return {
        kind: 'open',
        offered: rate,
        achieved: rate,
        latency: quantilesOf(latency),
        buckets: latency.buckets(),
        invalid: [],
      }
    }),
  )
  return { id: `run${seed}`, steps, total: { errorShare: 0 }, machine: { model: 'a' } } as unknown as LoadResult
}

test('a planted slowdown of 30 % is found nearly always, with its size; the same twice is hardly ever accused', () => {
  let [found, accused] = [0, 0]
  const pairs = 20
  for (let i = 0; i < pairs; i++) {
    const before = run(i * 2)
    const { verdict, changes } = compareRuns([before], [run(i * 2 + 1, 1.3)])
    const [p50] = changes
    if (verdict === 'slower' && p50!.ratio > 1.15 && p50!.ratio < 1.5) found++
    if (compareRuns([before], [run(1000 + i)]).verdict === 'slower') accused++
  }
  assert.ok(found >= pairs * 0.95, `${found} of ${pairs} found`)
  assert.ok(accused <= 1, `${accused} of ${pairs} accused`)
})

test('what got quicker is called so, and more errors are worse whatever the latency', () => {
  assert.equal(compareRuns([run(1, 1.5)], [run(2)]).verdict, 'faster')
  const failing = { ...run(3), total: { errorShare: 0.05 } } as LoadResult
  assert.deepEqual(
    [compareRuns([run(1)], [failing]).verdict, compareRuns([run(1)], [failing]).errors.worse],
    ['slower', true],
  )
})

test('runs of other steps, of too few rounds, or not valid are refused', () => {
  const one = run(1)
  const other = { ...one, steps: one.steps.map((step) => ({ ...step, offered: 7 })) }
  const invalid = { ...one, steps: one.steps.map((step) => ({ ...step, invalid: ['late'] })) }
  for (const bad of [other, invalid, run(2, 1, 1)]) {
    assert.throws(() => compareRuns([one], [bad]), { code: 'TF_LOAD_NOT_COMPARABLE' })
    assert.ok(problemOf([one], [bad]))
  }
})

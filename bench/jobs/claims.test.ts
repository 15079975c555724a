import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimsOf } from './claims.ts'
import type { Results, Sample } from './samples.ts'
import { BULLMQ, GRAPHILE, OURS, PG_BOSS } from './systems/index.ts'

const sample = (value: number, cpu = 10): Sample => ({ value, database: cpu, client: cpu, others: 0 })

test('claims are judged by the medians of the scenarios that were run', () => {
  const results: Results = new Map([
    [
      'run, concurrency 10',
      new Map([
        [OURS, [sample(1), sample(60_000), sample(50_000)]],
        [BULLMQ, [sample(10_000)]],
        [PG_BOSS, [sample(20_000)]],
        [GRAPHILE, [sample(20_000, 20)]],
      ]),
    ],
    ['run with 1,000 waiting', new Map([[OURS, [sample(9)]]])],
    ['run with 10,000 waiting', new Map([[OURS, [sample(50_000)]]])],
    ['run with 100,000 waiting', new Map([[OURS, [sample(20_000)]]])],
  ])
  assert.deepEqual(
    claimsOf(results).map(({ claim, value, holds }) => [claim, value, holds]),
    [
      [`run, concurrency 10: jobs/s, against ${BULLMQ}`, '5.00 x', true],
      [`run, concurrency 10: jobs/s, against ${PG_BOSS}`, '2.50 x', false],
      [`run, concurrency 10: jobs/s, against ${GRAPHILE}`, '2.50 x', true],
      ['CPU of database and client for a job that runs, against graphile-worker', '0.50 x', true],
      ['jobs/s with 10,000 waiting, against the slowest point of the curve after it', '2.50 x', false],
    ],
  )
})

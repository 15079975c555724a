import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './judge.ts'
import type { Asked } from './load.ts'
import type { Fares, Promised } from './promises.ts'

const ask = (from: number, to: number, failed?: string): Asked => ({ kind: 'reads', from, to, failed })
const promise = (reads: Fares): Promised => ({
  fault: 'instance-killed',
  what: '',
  stages: [3],
  reads,
  writes: 'go on',
  files: 'go on',
  backWithinS: 5,
  note: '',
})
/** Struck at 1000, back at 4000. */
const breaches = (fares: Fares, ...asked: Asked[]): number => judge(asked, promise(fares), 1000, 4000).breaches.length

test('what goes on may never fail', () => {
  assert.equal(breaches('go on', ask(900, 1100), ask(5000, 5100)), 0)
  assert.equal(breaches('go on', ask(1100, 1200, '502')), 1)
  assert.equal(breaches('go on', ask(1100, 1200, '503 TF_OVERLOADED')), 0, 'a machine that is busy is another thing')
})

test('what was under way may fail, and what came later may not', () => {
  assert.equal(breaches('under way', ask(900, 1100, '502')), 0)
  assert.equal(breaches('under way', ask(2000, 2100, '502')), 1)
})

test('what fails until it is back may fail a while longer, and never before it was struck', () => {
  assert.equal(breaches('until back', ask(2000, 2100, '503'), ask(8000, 8100, '503')), 0)
  assert.equal(breaches('until back', ask(9100, 9200, '503')), 1)
  assert.equal(breaches('until back', ask(100, 200, '503')), 1)
})

test('how long it failed, how long after it was back, and why, is said', () => {
  const { failed, seconds, slowestS, why } = judge(
    [ask(1500, 2000, '503'), ask(5000, 5500, '503'), ask(5000, 7500)],
    promise('until back'),
    1000,
    4000,
  )
  assert.deepEqual([failed.reads, seconds.failing, seconds.afterMend, slowestS, why], [2, 4, 1, 2.5, '2 x 503'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberOf, stagesOf, thresholdsOf } from './stages.ts'

test('rates are steps or a ramp, users are closed steps', () => {
  assert.deepEqual(stagesOf({ rate: '50', for: '30s' }), [{ rate: 50, for: 30_000 }])
  assert.deepEqual(
    stagesOf({ rate: '50,0.5,2k', for: '1s' })!.map((stage) => 'rate' in stage && stage.rate),
    [50, 0.5, 2000],
  )
  assert.deepEqual(stagesOf({ rate: '10..500', for: '2m' }), [{ rate: 10, to: 500, for: 120_000 }])
  assert.deepEqual(stagesOf({ users: '1,4' }), [
    { users: 1, for: 10_000 },
    { users: 4, for: 10_000 },
  ])
  assert.equal(stagesOf({}), undefined)
})

test('thresholds are of all requests or of a route', () => {
  assert.deepEqual(thresholdsOf('p95=200, errors=0.01,GET /orders/:id p99=500'), {
    p95: 200,
    errors: 0.01,
    'GET /orders/:id p99': 500,
  })
})

test('what is no number, time or rule is named with its option', () => {
  const wrong: [option: RegExp, () => unknown][] = [
    [/--rate/, () => stagesOf({ rate: 'many' })],
    [/--rate/, () => stagesOf({ rate: '1..2..3' })],
    [/--rate/, () => stagesOf({ rate: '-5' })],
    [/--users/, () => stagesOf({ users: '1.5' })],
    [/--for/, () => stagesOf({ rate: '5', for: 'long' })],
    [/--threshold/, () => thresholdsOf('p42=1')],
    [/--repeat/, () => numberOf('--repeat', '0', 'whole')],
  ]
  for (const [message, run] of wrong) assert.throws(run, { code: 'TF_BAD_OPTION_VALUE', message })
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fakeClock } from '../../kernel/index.ts'
import { createHint } from './hint.ts'

const START = { rank: -32_768, seq: 0 }

it('the hint follows the claims two seconds behind, and one claim a second looks from the start', async () => {
  const clock = fakeClock(10_000)
  const hint = createHint(clock)
  assert.deepEqual(hint.next(), START)
  hint.saw({ rank: 0, seq: 100 })
  await clock.advance(500)
  hint.saw({ rank: 0, seq: 200 })
  assert.deepEqual(hint.next(), START, 'too young to be believed')
  await clock.advance(600)
  assert.deepEqual(hint.next(), START)
  await clock.advance(950)
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 100 })
  await clock.advance(60)
  assert.deepEqual(hint.next(), START, 'once a second')
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 100 })
})

it('goes back when a job below it turns up, or when somebody says so', async () => {
  const clock = fakeClock(10_000)
  const hint = createHint(clock)
  hint.next()
  hint.saw({ rank: 0, seq: 500 })
  await clock.advance(2100)
  hint.next()
  assert.equal(hint.next().seq, 500)
  hint.lookBelow(600)
  assert.equal(hint.next().seq, 500)
  hint.lookBelow(400)
  assert.deepEqual(hint.next(), START)
  hint.saw({ rank: 0, seq: 400 })
  assert.equal(hint.next().seq, 400)
})

const pick = ({ rank, seq }: { rank: number; seq: number }): object => ({ rank, seq })

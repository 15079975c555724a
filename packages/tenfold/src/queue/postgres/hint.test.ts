import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fakeClock } from '../../kernel/index.ts'
import { createHint } from './hint.ts'

const START = { rank: -32_768, seq: 0 }

it('claims begin where the last one found something, some two seconds behind, and few at the start', async () => {
  const clock = fakeClock(10_000)
  const hint = createHint(clock)
  assert.deepEqual(hint.next(), START)
  hint.saw({ rank: 0, seq: 100 })
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 100 })
  await clock.advance(500)
  hint.saw({ rank: 0, seq: 200 })
  assert.deepEqual(hint.next(), START, 'nothing is two seconds old yet')
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 200 })
  await clock.advance(1600)
  assert.deepEqual(hint.next(), START, 'once a second')
  await clock.advance(110)
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 100 }, 'two seconds behind, once in 100 ms')
  assert.deepEqual(pick(hint.next()), { rank: 0, seq: 200 })
})

it('goes back once to a place that somebody named', () => {
  const hint = createHint(fakeClock(10_000))
  hint.next()
  hint.saw({ rank: 3, seq: 500 })
  hint.lookBelow(600)
  assert.deepEqual(pick(hint.next()), { rank: 3, seq: 500 })
  hint.lookBelow(400)
  assert.deepEqual(hint.next(), { rank: 3, seq: 400 })
  assert.deepEqual(pick(hint.next()), { rank: 3, seq: 500 })
  hint.lookBelow(0)
  assert.deepEqual(hint.next(), START)
})

it('a claim from the start that takes long is not made again for ten times as long', async () => {
  const clock = fakeClock(10_000)
  const hint = createHint(clock)
  hint.saw({ rank: 0, seq: 1000 }, hint.next(), 3000)
  await clock.advance(29_000)
  assert.equal(hint.next().seq, 1000)
  await clock.advance(1100)
  assert.deepEqual(hint.next(), START)
})

const pick = ({ rank, seq }: { rank: number; seq: number }): object => ({ rank, seq })

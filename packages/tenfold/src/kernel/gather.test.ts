import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gather } from './gather.ts'

test('what is asked for at once, or while a run is under way, is one run', async () => {
  const runs: number[][] = []
  const gate = Promise.withResolvers<void>()
  const double = gather(async (inputs: number[]) => {
    runs.push(inputs)
    if (runs.length === 1) await gate.promise
    return inputs.map((input) => input * 2)
  })
  const first = [double(1), double(2)]
  while (runs.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const later = [double(3), double(4)]
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(runs.length, 1)
  gate.resolve()
  assert.deepEqual(await Promise.all([...first, ...later]), [2, 4, 6, 8])
  assert.deepEqual(runs, [
    [1, 2],
    [3, 4],
  ])
})

test('runs are no larger than they may be, and as many at a time as there are lanes', async () => {
  const sizes: number[] = []
  const state = { running: 0, most: 0 }
  const echo = gather(
    async (inputs: number[]) => {
      sizes.push(inputs.length)
      state.most = Math.max(state.most, ++state.running)
      await new Promise((resolve) => setImmediate(resolve))
      state.running--
      return inputs
    },
    { lanes: 2, most: 3 },
  )
  const inputs = Array.from({ length: 20 }, (_, i) => i)
  assert.deepEqual(await Promise.all(inputs.map(echo)), inputs)
  assert.ok(sizes.every((size) => size <= 3))
  assert.equal(state.most, 2)
})

test('a run that fails fails for its callers only', async () => {
  const picky = gather(
    async (inputs: string[]) => {
      if (inputs.includes('bad')) throw new Error('refused')
      return inputs
    },
    { most: 1 },
  )
  const all = await Promise.allSettled(['good', 'bad', 'fine'].map(picky))
  assert.deepEqual(
    all.map((one) => one.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

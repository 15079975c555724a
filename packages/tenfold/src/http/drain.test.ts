import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDrain } from './drain.ts'

/** A clock that stands still but for those who sleep; `at` is told each time. */
function clock(at: (now: number) => void = () => {}) {
  let now = 10_000
  return {
    elapsed: () => now,
    async sleep(ms: number) {
      now += ms
      at(now - 10_000)
    },
  }
}

/** How long it took, when a balancer asks twice before and hears the refusals at these times. */
async function took(delayMs: number, refusedAt: number[], askedBefore = 2): Promise<number> {
  const time = clock((now) => {
    while (refusedAt.length > 0 && refusedAt[0]! <= now) {
      refusedAt.shift()
      drain.asked(false)
    }
  })
  const drain = createDrain(time)
  for (let i = 0; i < askedBefore; i++) drain.asked(true)
  await drain.over(delayMs)
  return time.elapsed() - 10_000
}

test('it lasts as long as was said when nobody asks, or who asks has heard it twice', async () => {
  assert.equal(await took(1000, [], 0), 1000)
  assert.equal(await took(1000, [], 1), 1000, 'once is not regularly')
  assert.equal(await took(1000, [300, 800]), 1000)
})

test('it waits for a balancer that has not heard it, and not for ever', async () => {
  assert.equal(await took(1000, [900, 2200]), 2200)
  assert.equal(await took(1000, [900]), 11_000)
})

test('refusals from before it began do not count', async () => {
  const time = clock()
  const drain = createDrain(time)
  for (const ready of [true, true, false, false]) drain.asked(ready)
  await drain.over(1000)
  assert.equal(time.elapsed() - 10_000, 11_000)
})

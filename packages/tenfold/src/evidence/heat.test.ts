import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeatWatch } from './heat.ts'

const READ = 'select * from item where id = ?'

test('counts what is asked again, what is asked most, and what runs beside the same', () => {
  const watch = new HeatWatch()
  const running = [1, 1, 1, 2].map((id) => watch.began('shop', READ, [id]))
  for (const one of running) watch.ended(one)
  for (let id = 0; id < 16; id++) watch.ended(watch.began('shop', READ, [id]))
  // 20 calls; 1 and 2 came again, and 1 four times in all; two of the first three began beside the same.
  assert.deepEqual(watch.take(), { [READ]: [20, 4, 4, 2, 3] })
  assert.deepEqual(watch.take(), {})
})

test('what still runs when a slot ends is known in the next one', () => {
  const watch = new HeatWatch()
  const before = watch.began('shop', READ, ['a'])
  watch.take()
  for (let i = 0; i < 10; i++) watch.ended(watch.began('shop', READ, ['a']))
  watch.ended(before)
  assert.deepEqual(watch.take()[READ]?.slice(3), [10, 2])
})

test('writes, the platform and lists of values are left out', () => {
  const watch = new HeatWatch()
  for (let i = 0; i < 20; i++) {
    watch.began('shop', 'update item set n = ?', [1])
    watch.began('tenfold', READ, [1])
    watch.began('shop', READ, [[1, 2, 3]])
  }
  assert.deepEqual(watch.take(), {})
})

test('over more different values than it keeps, the frequent one is found, and nothing is overstated', () => {
  const watch = new HeatWatch()
  for (let i = 0; i < 6000; i++) watch.ended(watch.began('shop', READ, [i % 3 === 0 ? 'hot' : `cold ${i}`]))
  const [calls, again, top] = watch.take()[READ]!
  assert.equal(calls, 6000)
  assert.ok(top > 1900 && top <= 2000, String(top))
  assert.ok(again <= 1999, String(again))
})

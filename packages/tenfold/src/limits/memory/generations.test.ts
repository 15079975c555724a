import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Generations } from './generations.ts'

test('holds no more than it may, and keeps what is asked for', () => {
  const map = new Generations<number>(100)
  map.set('kept', 1)
  for (let i = 0; i < 10_000; i++) {
    map.set(`flood-${i}`, i)
    assert.equal(map.get('kept'), 1)
    assert.ok(map.size <= 100)
  }
  map.delete('kept')
  assert.equal(map.get('kept'), undefined)
})

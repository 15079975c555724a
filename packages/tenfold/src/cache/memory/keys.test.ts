import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf } from './keys.ts'
import { weigh } from './weigh.ts'

test('an object is the same key whatever the order of its properties', () => {
  assert.equal(textOf('c', { b: [1, { d: 1, c: 2 }], a: 'x' }), textOf('c', { a: 'x', b: [1, { c: 2, d: 1 }] }))
  assert.equal(textOf('c', { a: 1, b: undefined }), textOf('c', { a: 1 }))
  assert.notEqual(textOf('c', { a: '1' }), textOf('c', { a: 1 }))
  assert.notEqual(textOf('c', ['a', 'b']), textOf('c', ['a,b']))
})

test('long keys are digested, so that they cost a bounded amount and still differ', () => {
  const long = 'x'.repeat(100_000)
  assert.ok(textOf('c', long).length < 60)
  assert.notEqual(textOf('c', long), textOf('c', `${long}y`))
})

test('a key that does not tell entries apart is refused', () => {
  for (const key of [{ n: NaN }, { at: new Map() }, { fn: () => {} }, Symbol('s')]) {
    assert.throws(() => textOf('c', key), { code: 'TF_CACHE_KEY' })
  }
})

test('a value is weighed about as heavy as it is, and cycles end', () => {
  assert.ok(weigh('x'.repeat(1000), true) >= 1000)
  assert.ok(weigh(Buffer.alloc(5000), true) >= 5000)
  assert.ok(weigh(new Map([['k', 'x'.repeat(1000)]]), true) >= 1000)
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  assert.ok(weigh(cycle, true) < 1000)
  assert.ok(Object.isFrozen(cycle))
})

test('only plain objects and arrays are frozen', () => {
  const value = { at: new Date(), map: new Map(), raw: Buffer.from('x'), deep: Object.freeze({ list: [1] }) }
  weigh(value, true)
  assert.ok(Object.isFrozen(value) && Object.isFrozen(value.deep.list))
  assert.ok(!Object.isFrozen(value.map) && !Object.isFrozen(value.at) && !Object.isFrozen(value.raw))
})

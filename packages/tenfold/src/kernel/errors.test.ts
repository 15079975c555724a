import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineError, errorFields } from './errors.ts'

const Full = defineError('TEST_FULL', { says: (e: { left: number }) => `${e.left} are left.`, fix: 'Wait.' })

test('a line about an error has its code, its fix, and the stacks of its causes', () => {
  const cause = new TypeError('below', { cause: new Error('lowest') })
  const { stack, ...fields } = errorFields(Full({ left: 0 }, { cause }))
  assert.deepEqual(fields, { code: 'TEST_FULL', fix: 'Wait.', error: '0 are left.' })
  assert.match(String(stack), /0 are left\.\n +at [^]*\ncaused by: TypeError: below\n[^]*\ncaused by: Error: lowest\n/)
})

test('anything that was thrown makes a line', () => {
  assert.deepEqual(errorFields('no'), { error: 'no', stack: undefined })
  assert.equal(errorFields(Object.create(null)).error, 'a value that cannot be shown')
  const circle = new Error('round')
  circle.cause = circle
  assert.equal(String(errorFields(circle).stack).split('caused by').length, 4)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPosition, historyOf, laterOf, lsnOf, parsePosition, type Position } from './position.ts'

const at = 1_700_000_000_000
const position = (lsn: bigint, history = 'abc.1', when = at): Position => ({ history, lsn, at: when })

test('a position survives its text', () => {
  const whole = { history: historyOf('7430265401893187611', '0000000A'), lsn: lsnOf('1A/FF3B748'), at }
  assert.deepEqual(parsePosition(formatPosition(whole)), whole)
  assert.equal(whole.lsn, 0x1a_0f_f3_b7_48n)
  assert.match(whole.history, /^\w+\.a$/)
})

test('what is not a position is none', () => {
  for (const text of [
    undefined,
    '',
    '.',
    'a.b.c',
    'a.1.g.1',
    'a.1.1.1.1',
    'A.1.1.1',
    'a.1.00000000000000000.1',
    'a.1.1.-1',
  ]) {
    assert.equal(parsePosition(text), undefined, text)
  }
})

test('the later one wins; of two histories the one that was read later', () => {
  assert.equal(laterOf(position(2n), position(3n))!.lsn, 3n)
  assert.equal(laterOf(position(3n), position(2n))!.lsn, 3n)
  assert.equal(laterOf(undefined, position(2n))!.lsn, 2n)
  assert.equal(laterOf(position(9n), position(2n, 'abc.2', at + 1))!.history, 'abc.2')
  assert.equal(laterOf(position(2n, 'abc.2', at + 1), position(9n))!.history, 'abc.2')
})

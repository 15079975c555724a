import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parametrised } from './text.ts'

test('what was written into a statement becomes a parameter, and comments go', () => {
  for (const [text, kept] of [
    ['select * from t where a = $1', 'select * from t where a = $1'],
    ["select * from t where a = $1 and b = 'it''s'", 'select * from t where a = $1 and b = $2'],
    ['select a1, "b 2" from t where c = 42 limit 1.5', 'select a1, "b 2" from t where c = $1 limit $2'],
    ["select 1 /* by 'ann' */ -- of 7\n from t", 'select $1    \n from t'],
  ] as const)
    assert.equal(parametrised(text), kept)
})

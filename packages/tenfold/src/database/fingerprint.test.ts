import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalise } from './fingerprint.ts'

test('statements of one shape are one, and none of their values stays', () => {
  const shape = 'select "a" from t where id in (…) and b = ?'
  for (const text of [
    `select "a" from t where id in ($1, $2)\n and b = $3`,
    `select "a" from t where id in (1,-2,3.5) and b = 'it''s'`,
    `select /* why */ "a" from t where id in ('x', 'y') and b = E'it\\'s mine' -- mine`,
    `select "a" from t where id in ($1, $2) and b = $$mine$$`,
    `select "a" from t where id in ($1, $2) and b = $q$mine $$ too$q$`,
    `select "a" from t where id in ($1, $2) and b = 'cut of`,
  ])
    assert.equal(normalise(text), shape)
  assert.equal(normalise(`select "it's"."1" from "a--b"`), `select "it's"."1" from "a--b"`)
})

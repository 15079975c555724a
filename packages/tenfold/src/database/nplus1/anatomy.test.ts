import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anatomyOf } from './anatomy.ts'

/** `equal author_id $1` for each place. */
const shape = (text: string): string[] =>
  anatomyOf(text).map(({ role, column, parameter, literal }) =>
    [role, column ?? '–', parameter > 0 ? `$${parameter}` : literal].join(' '),
  )

const CASES: [text: string, places: string[]][] = [
  ['select * from "post" as "p" where "p"."author_id" = $1 limit $2', ['equal author_id $1', 'page – $2']],
  ['select * from t where $1 = id and a.b >= $2::int', ['equal id $1', 'range b $2']],
  ['select * from t where id in ($1)', ['equal id $1']],
  ['select * from t where id in ($1, $2,$3) and s = $4', ['list id $1', 'equal s $4']],
  ['select * from t where id = any($1) and id not in ($2)', ['list id $1', 'range id $2']],
  ['select * from t where a between $1 and $2 and b like $3', ['range a $1', 'range a $2', 'range b $3']],
  ["select f($1), 'it''s' from t -- where x = $9", ['other – $1', "other – it's"]],
  ['select * from t /* id = $7 */ where id = 42 offset 10', ['equal id 42', 'page – 10']],
  ['update t set a = $1, b = now() where id = $2 returning *', ['set a $1', 'equal id $2']],
  ['insert into "t" ("a", "b", "c") values ($1, default, $2)', ['insert a $1', 'insert c $2']],
  ['insert into t (a, b) values ($1, $2), ($3, $4)', ['list a $1', 'list b $2']],
  [
    'insert into t (a) values (lower($1)) on conflict (a) do update set b = $2 where t.c = $3',
    ['other a $1', 'set b $2', 'equal c $3'],
  ],
  ['select * from t where (a, b) > ($1, $2)', ['range – $1', 'range – $2']],
  ['select * from t where (a, b) = ($1, $2)', ['equal – $1', 'equal – $2']],
  ['delete from t where (data ->> $1) = $2', ['other – $1', 'equal – $2']],
]

for (const [text, places] of CASES) test(text, () => assert.deepEqual(shape(text), places))

test('statements of one fingerprint have the same places, whatever their values', () => {
  const one = anatomyOf('select * from t where a in ($1, $2) and b = $3')
  const other = anatomyOf('select * from t where a in ($1, $2, $3, $4) and b = $5')
  assert.deepEqual(
    one.map(({ role, column }) => [role, column]),
    other.map(({ role, column }) => [role, column]),
  )
})

test('whatever is not SQL is taken apart without an error', () => {
  for (const text of [
    '',
    '$1',
    "'",
    '(((',
    'in (',
    'values (',
    'insert into (',
    '"',
    '$',
    'limit',
    '= $1 ='.repeat(500),
  ]) {
    assert.ok(Array.isArray(anatomyOf(text)), text)
  }
})

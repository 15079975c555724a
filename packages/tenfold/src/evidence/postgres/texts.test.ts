import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outlineOf, seenText, withoutValues } from './texts.ts'

for (const [text, kept] of [
  ["select * from a where b = 'hunter2'", 'select * from a where b = ?'],
  ["select * from a where b = 'it''s hunter2' and c = 3", 'select * from a where b = ? and c = ?'],
  ["select * from a where b = E'it\\'s hunter2' and c = $1", 'select * from a where b = ? and c = $1'],
  ['select $$hunter2$$, $t$it is $$hunter2$$$t$, $1 from a', 'select ?, ?, $1 from a'],
  ["select '--', hunter -- hunter2\nfrom a", 'select ?, hunter from a'],
  ["select '/*', \"it's\" /* hunter2 */ from a", 'select ?, "it\'s" from a'],
  ["insert into a values ('hunter2', 'hunt", 'insert into a values (?, ?'],
  ["insert into a values (E'hunter2\\", 'insert into a values (?'],
  ['select 1.5e7, a1, -3 from a -- hunter2', 'select ?, a1, ? from a'],
  ['do $body$ begin hunter2', 'do ?'],
  ['select 1 /* hunter2', 'select ?'],
] as const) {
  test(`no value is kept of ${text.replaceAll('\n', ' ')}`, () => {
    assert.equal(withoutValues(text), kept)
    assert.doesNotMatch(seenText(text), /hunter2/)
  })
}

test('a text that the server has cut says so, and nothing of its last value is kept', () => {
  const long = `select * from a where b in (${'1, '.repeat(328)}'hunter2 and others'`
  assert.match(seenText(long.slice(0, 1023)), /^select \* from a where b in \(\?, .+ \?…$/)
  assert.doesNotMatch(seenText(long.slice(0, 1023)), /hunt/)
})

test('of a statement in another database what it does and its tables are kept', () => {
  const text = "select secret_of('hunter2') from only_mine.patients p join \"Ill Nesses\" i on i.name = 'flu'"
  assert.equal(outlineOf(text), 'select … only_mine.patients, "Ill Nesses"')
  assert.equal(outlineOf('vacuum patients'), 'vacuum … patients')
  assert.equal(outlineOf("select 'hunter2'"), 'select …')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadParser } from '../safety/parse.ts'
import { bodyOf, candidatesFor, nameOf } from './candidates.ts'
import { usesOf } from './predicates.ts'

const TABLES: Record<string, readonly string[]> = {
  Orders: ['id', 'customerId', 'order', 'placed_at', 'state', 'props'],
  lines: ['id', 'order_id', 'product'],
}

/** The indexes that could serve a statement. */
async function indexesFor(sql: string): Promise<string[]> {
  const parse = await loadParser()
  const catalogue = { has: (table: string, column = 'id') => TABLES[table]?.includes(column) ?? false }
  const { tables } = usesOf(parse(sql)[0]!, catalogue)
  return [...new Set(tables.flatMap(candidatesFor).map((one) => bodyOf(one)))]
}

test('names that SQL would read otherwise are quoted, and the name of the index is plain', async () => {
  assert.deepEqual(await indexesFor('select * from "Orders" where "customerId" = $1 and "order" > $2'), [
    'on "Orders" ("customerId")',
    'on "Orders" ("customerId", "order")',
    'on "Orders" ("order")',
    'on "Orders" using brin ("order") with (autosummarize = on)',
  ])
  const name = nameOf({ table: 'Orders', method: 'btree', columns: ['"customerId"', 'placed_at desc'] })
  assert.equal(name, 'orders_customerid_placed_at_desc')
})

test('equalities come before ranges and the order, fixed conditions become partial indexes', async () => {
  const found = await indexesFor(`select id from "Orders" where state = 'open' order by placed_at limit 10`)
  for (const wanted of [
    'on "Orders" (state, placed_at)',
    'on "Orders" (placed_at)',
    `on "Orders" (placed_at) where state = 'open'`,
  ]) {
    assert.ok(found.includes(wanted), wanted)
  }
})

test('what a query reads beside its conditions is carried along, where that is little and nothing else', async () => {
  const found = await indexesFor('select sum(product) from lines where order_id = $1')
  assert.deepEqual(found, ['on lines (order_id)', 'on lines (order_id) include (product)'])
  for (const other of [
    'select * from lines where order_id = $1',
    'select l from lines l where order_id = $1',
    'select product from lines where order_id = $1 and exists (select 1)',
    'select l.product from lines l join "Orders" o on o.id = l.order_id where o.id = $1',
  ])
    assert.ok(!(await indexesFor(other)).join().includes('include'), other)
  const name = nameOf({ table: 'lines', method: 'btree', columns: ['order_id'], include: ['product'] })
  assert.equal(name, 'lines_order_id_include_product')
})

test('a range may be served by a BRIN index, which keeps itself up to date', async () => {
  const found = await indexesFor('select count(*) from "Orders" where placed_at between $1 and $2')
  assert.ok(found.includes('on "Orders" using brin (placed_at) with (autosummarize = on)'))
  assert.equal(nameOf({ table: 'orders', method: 'brin', columns: ['placed_at'] }), 'orders_placed_at_brin')
})

test('joins, subqueries, expressions and containment are seen; tables of others are not', async () => {
  const joined = await indexesFor(
    `select * from "Orders" o join lines l on l.order_id = o.id where o.id = $1 and exists (select from secrets s where s.id = o.id)`,
  )
  assert.ok(joined.includes('on lines (order_id)'))
  assert.ok(!joined.join().includes('secrets'))
  assert.deepEqual(await indexesFor('select 1 from lines where lower(product) = $1'), ['on lines (lower(product))'])
  assert.deepEqual(await indexesFor('select 1 from "Orders" where props @> $1'), ['on "Orders" using gin (props)'])
  assert.deepEqual(await indexesFor(`select 1 from "Orders" where props ->> 'a' = $1`), [
    `on "Orders" ((props ->> 'a'))`,
  ])
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { SqlTransaction } from '../../database/index.ts'
import { createCompanions } from './companions.ts'

const transaction = (): SqlTransaction => ({}) as SqlTransaction

it('what comes while a statement is under way goes together in the next one, each call with its own ids', async () => {
  const written: string[][] = []
  const add = createCompanions<string>(async (rows) => {
    written.push([...rows])
    await new Promise((resolve) => setImmediate(resolve))
    return rows.map((row) => `id of ${row}`)
  })
  const tx = transaction()
  const ids = await Promise.all([add(['a'], tx), add(['b', 'c'], tx), add(['d'], tx), add(['other'], transaction())])
  assert.deepEqual(ids, [['id of a'], ['id of b', 'id of c'], ['id of d'], ['id of other']])
  assert.deepEqual(written, [['a'], ['other'], ['b', 'c', 'd']])
  assert.deepEqual(await add(['e'], tx), ['id of e'], 'and later ones go as they come')
})

it('no statement has more than a thousand rows, but for a call that has', async () => {
  const sizes: number[] = []
  const add = createCompanions<number>(async (rows) => {
    sizes.push(rows.length)
    await new Promise((resolve) => setImmediate(resolve))
    return rows.map(String)
  })
  const tx = transaction()
  const calls = [1, 600, 600, 1500, 1].map((count) => Array.from({ length: count }, (_, i) => i))
  const ids = await Promise.all(calls.map((rows) => add(rows, tx)))
  assert.deepEqual(
    ids.map((of) => of.length),
    [1, 600, 600, 1500, 1],
  )
  assert.deepEqual(sizes, [1, 600, 600, 1500, 1])
})

it('all calls of a statement that fails are told why', async () => {
  const add = createCompanions<string>(() => Promise.reject(new Error('the transaction is over')))
  const tx = transaction()
  const results = await Promise.allSettled([add(['a'], tx), add(['b'], tx), add(['c'], tx)])
  for (const result of results) assert.equal(result.status, 'rejected')
})

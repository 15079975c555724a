/** The short form of `npm run prove -- boundaries`: every way around, without the measurement; and a hole is found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import boundaries from '../../proofs/boundaries/index.ts'
import type { ClaimsOptions, Report } from '../../scripts/claims/index.ts'

const prove = (set: Record<string, string>): Promise<Report> => {
  const options: ClaimsOptions = {
    quick: true,
    set,
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  return boundaries.run(options)
}

const open = ({ rows }: Report, by: string): unknown[] =>
  rows.filter((row) => row.by === by && !row.holds).map((row) => row.what)

/** Migrations run on the administrator's connection: a file can leave the role that it is run with. Reviewing them is up to
 *  people; what they cannot do by accident is tried here. */
const LEFT_TO_REVIEW = new Set([
  'becoming the owner of the other',
  'going back to the administrator',
  'the session of another user',
  'the end of the transaction, and with it of the role',
])

test('the code of a module finds no way to another one, in SQL or in TypeScript', async () => {
  const report = await prove({ only: 'code' })
  for (const by of ['bypass', 'allowed', 'tsc', 'tenfold check']) assert.deepEqual(open(report, by), [], by)
  assert.deepEqual(
    open(report, 'migration').filter((what) => !LEFT_TO_REVIEW.has(String(what))),
    [],
  )
  const attempts = report.claims.find(({ claim }) => claim.includes('administrator succeeds'))
  assert.ok(attempts?.holds, `${attempts?.value} of ${attempts?.goal}: the others are refused to everyone`)
})

test('a right too many is found', async () => {
  const report = await prove({
    only: 'sql',
    hole: 'grant usage on schema vault to proof_shop; grant select on vault.secret to proof_shop',
  })
  const found = open(report, 'bypass')
  for (const what of ['reads a table of the other', 'joins it', 'copies it out', 'makes a view over it']) {
    assert.ok(found.includes(what), what)
  }
  assert.ok(!found.includes('updates it'))
})

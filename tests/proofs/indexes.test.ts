/** The short form of `npm run prove -- indexes`: a tenth of the rows, the same gaps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import indexes from '../../proofs/indexes/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

test('every planted gap is closed, nothing needless is proposed, and the target is only read', async () => {
  const options: ClaimsOptions = {
    quick: true,
    set: {},
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  const { claims, rows } = await indexes.run(options)
  // How long things take is left to the proof: here other tests run at the same time.
  // And of so few rows the sample of the planner says by chance whether one more index is of use.
  const [drops] = claims.filter(({ claim }) => claim.includes('the duplicate index'))
  assert.match(String(drops?.value), /orders_status: duplicate/)
  const judged = claims.filter((claim) => !claim.claim.includes('time') && claim !== drops)
  assert.equal(judged.length, 4)
  assert.deepEqual(
    judged.filter(({ holds }) => !holds),
    [],
    JSON.stringify(rows, null, 1),
  )
})

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
  const judged = claims.filter(({ claim }) => !claim.includes('time'))
  assert.equal(judged.length, 5)
  assert.deepEqual(
    judged.filter(({ holds }) => !holds),
    [],
    JSON.stringify(rows, null, 1),
  )
})

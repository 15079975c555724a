/** The short form of `npm run prove -- regressions`: fewer series, fewer looks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import regressions from '../../proofs/regressions/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

test('a steady month raises no alarm, and a release that makes something slower is named', async () => {
  const options: ClaimsOptions = {
    quick: true,
    set: {},
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  const { claims, rows } = await regressions.run(options)
  assert.equal(claims.length, 4)
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
    JSON.stringify(rows, null, 1),
  )
})

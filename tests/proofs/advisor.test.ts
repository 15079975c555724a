/** The short form of `npm run prove -- advisor`: two faults that are seen however busy the machine is. The others are judged
 *  from recordings, in packages/tenfold/src/advisor. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import advisor from '../../proofs/advisor/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

test('a slow partner and N+1 queries are named under real load', async () => {
  const options: ClaimsOptions = {
    quick: true,
    set: { seconds: '5', only: 'a slow partner,N+1' },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  const { rows } = await advisor.run(options)
  assert.deepEqual(
    rows.map(({ scenario, named }) => [scenario, named]),
    [
      ['N+1', 'n-plus-one'],
      ['a slow partner', 'slow-call'],
    ],
    JSON.stringify(rows, null, 1),
  )
})

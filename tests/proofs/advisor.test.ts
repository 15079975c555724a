/** The short form of `npm run prove -- advisor`: one fault under real load, which is seen however busy the machine is. The
 *  others are judged from recordings, in packages/tenfold/src/advisor. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import advisor from '../../proofs/advisor/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

test('a slow partner in the path of requests is named, with its evidence from a running app', async () => {
  const options: ClaimsOptions = {
    quick: true,
    set: { seconds: '5', scenario: 'a slow partner' },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  const { rows } = await advisor.run(options)
  const [row, healthy] = rows
  assert.equal(rows.length, 2)
  assert.equal(row!.truth, 'slow-call')
  // Where others take the whole machine, too little may have been seen to say anything; nothing wrong may be said.
  const allowed = row!.disturbed === true ? ['slow-call', 'host-is-busy', 'wait'] : ['slow-call']
  assert.ok(allowed.includes(String(row!.named)), JSON.stringify(row, null, 1))
  // The same load with a partner that is quick.
  assert.notEqual(healthy!.truth, 'slow-call')
  assert.notEqual(healthy!.named, 'slow-call', JSON.stringify(healthy, null, 1))
})

/** The short form of `npm run prove -- overload`: two seconds past the capacity; and a server that lets all in is found out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import overload from '../../proofs/overload/index.ts'
import type { Claim, ClaimsOptions } from '../../scripts/claims/index.ts'

const prove = async (only: string): Promise<(words: string) => Claim> => {
  const options: ClaimsOptions = {
    quick: true,
    set: { seconds: '3', only },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('the short form has no peers')),
  }
  const { claims } = await overload.run(options)
  return (words) => claims.find(({ claim }) => claim.includes(words))!
}

test('past the capacity everyone is answered, in time or with 503, and the process is well again soon after', async () => {
  const claim = await prove('tenfold')
  for (const words of ['got an answer', 'quick answers for all again']) {
    assert.ok(claim(words).holds, `${claim(words).claim}: ${claim(words).value}`)
  }
  // Tests share the machine with others: the numbers of a run that is worth quoting are stricter.
  assert.ok(Number.parseFloat(String(claim('at the peak').value)) > 55, String(claim('at the peak').value))
  assert.ok(Number.parseFloat(String(claim('p99').value)) < 1500, String(claim('p99').value))
})

test('a server that lets everyone in is found out', async () => {
  const claim = await prove('open')
  assert.equal(claim('got an answer').holds, false)
})

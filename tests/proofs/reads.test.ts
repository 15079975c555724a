/** The short form of `npm run prove -- reads`: nobody misses an own write; and instances that do not listen are found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import reads from '../../proofs/reads/index.ts'
import type { ClaimsOptions, Report } from '../../scripts/claims/index.ts'

function prove(set: Record<string, string>): Promise<Report> {
  const options: ClaimsOptions = {
    quick: true,
    set,
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  return reads.run(options)
}

/** What depends on how fast this machine is just now is left to the proof itself. */
const SPEED = /^own reads that replicas|^after the failover/

test('nobody misses an own write on any instance, whatever the replicas do', async () => {
  const { claims } = await prove({ pairs: '300' })
  for (const { claim, value, holds } of claims) {
    if (!SPEED.test(claim)) assert.ok(holds, `${claim}: ${value}`)
  }
})

test('an instance that ignores what its clients have written elsewhere is found', async () => {
  const { claims } = await prove({ pairs: '150', plant: 'deaf', only: 'lags' })
  const [own] = claims
  assert.match(own!.claim, /^stale own reads/)
  assert.ok(!own!.holds && Number(own!.value) > 0, `${own!.value} stale reads`)
})

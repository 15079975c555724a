/** The short form of `npm run prove -- deploy`: a release that cannot run, behind HAProxy, under a little load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import deploy from '../../proofs/deploy/index.ts'

test('a release that does not get ready is taken back, and neither a request nor a job is lost', async () => {
  const { claims } = await deploy.run({
    quick: true,
    set: { only: 'broken', rate: '10' },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('nothing is compared')),
  })
  for (const { claim, value, holds } of claims) assert.ok(holds, `${claim}: ${value}`)
})

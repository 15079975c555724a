/** The short form of `npm run prove -- deploy`: a release that cannot run, behind HAProxy, under a little load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import deploy from '../../proofs/deploy/index.ts'

test('a release that does not get ready is taken back, and nothing that was acknowledged is lost', async () => {
  const { claims } = await deploy.run({
    quick: true,
    set: { only: 'broken', rate: '10' },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('nothing is compared')),
  })
  const about = (words: string) => claims.find(({ claim }) => claim.includes(words))!
  for (const one of [about('rows and their jobs'), about('taken back')])
    assert.ok(one.holds, `${one.claim}: ${one.value}`)
  // On a machine that others load, requests are lost for reasons of time: that none is, only a run by itself can say.
  assert.match(String(about('requests lost').value), /^\d+ of \d+$/)
})

/** The short form of `npm run prove -- backups`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import backups from '../../proofs/backups/index.ts'

test('backups come back whole, at any moment, and damaged ones are found', async () => {
  const { claims } = await backups.run({
    quick: true,
    set: {},
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  })
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
  )
  assert.ok(claims.length >= 6)
})

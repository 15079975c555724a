/** The short form of `npm run prove -- hostile`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import hostile from '../../proofs/hostile/index.ts'

test('broken requests, smuggling shapes and silent connections are answered below 500, and the server goes on', async () => {
  const { claims } = await hostile.run({
    quick: true,
    set: { cases: '5000' },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  })
  for (const { claim, value, holds } of claims) assert.ok(holds, `${claim}: ${value}`)
})

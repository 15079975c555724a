/** The short form of `npm run prove -- twin`: some faults of each kind are named, and clean apps are let alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import twin from '../../proofs/twin/index.ts'

test('what works for one instance only is named with its cause and line; what works for two is not accused', async () => {
  const said: string[] = []
  const { claims } = await twin.run({
    quick: true,
    set: {},
    log: (line) => said.push(line),
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('the short form has no peers')),
  })
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
    said.join('\n'),
  )
  assert.equal(claims.length, 3)
})

/** The short form of `npm run prove -- nplus1`: N+1 is found, look-alikes are let alone. What it costs is for a quiet machine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import nplus1 from '../../proofs/nplus1/index.ts'
import { runCases } from '../../proofs/nplus1/run.ts'
import type { Case } from '../../proofs/nplus1/store.ts'

test('N+1 queries are found, and what only looks like them is let alone', async () => {
  const said: string[] = []
  const { claims } = await nplus1.run({
    quick: true,
    set: {},
    log: (line) => said.push(line),
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  })
  const broken = claims.filter(({ claim, holds }) => !holds && !claim.startsWith('CPU'))
  assert.deepEqual(broken, [], said.join('\n'))
  assert.ok(claims.length >= 6)
})

test('a case that never ends is given up and named', async () => {
  const endless: Case = {
    name: 'pages without end',
    label: 'fine',
    async run({ db }) {
      for (;;) await db.selectFrom('customer').select('id').limit(1).execute()
    },
  }
  const { signal } = new AbortController()
  const [outcome] = await runCases([endless], { signal, log: () => {}, limitMs: 300 })
  assert.equal(outcome?.failed, 'it was not over after 300 ms')
})

/** The short form of `npm run prove -- split`: tests of the shop with billing on another host. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSuite } from '../../proofs/split/suite.ts'

const { signal } = new AbortController()

test('the shop passes its tests with billing in an instance of its own', async () => {
  const { passed, failed, calls } = await runSuite('billing', ['webhooks'], false, signal)
  assert.deepEqual(failed, [])
  assert.ok(passed > 0)
  assert.ok(calls > 0, 'no call has crossed')
})

/** The short form of `npm run prove -- stages`: the shop on nginx, PgBouncer and S3, with an instance killed and the pooler restarted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import stages from '../../proofs/stages/index.ts'

/** What depends on how fast this machine is just now is left to the proof itself. */
const SPEED = /^faults that cost|^stage \d/

test(
  'an instance is killed and PgBouncer is restarted: nothing that was accepted is lost, and everybody sees their own orders',
  { timeout: 300_000 },
  async () => {
    const { claims, rows } = await stages.run({
      quick: true,
      set: { stage: '3', fault: 'instance-killed,pgbouncer-restarted' },
      log: () => {},
      signal: new AbortController().signal,
      installPeers: () => Promise.reject(new Error('nothing is compared')),
    })
    assert.equal(rows.length, 2)
    for (const { claim, value, holds } of claims) if (!SPEED.test(claim)) assert.ok(holds, `${claim}: ${value}`)
  },
)

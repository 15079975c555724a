/** The short form of `npm run prove -- migrations`; and the gates do not refuse what the shop has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import migrations from '../../proofs/migrations/index.ts'
import { checkMigrations, refusals } from '../../packages/tenfold/src/database/safety/index.ts'
import type { ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import shop from '../../examples/shop/app.ts'

const prove = (only: string): Promise<Report> => {
  const options: ClaimsOptions = {
    quick: true,
    set: { only },
    log: () => {},
    signal: new AbortController().signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  }
  return migrations.run(options)
}

test('dangerous migrations are stopped, safe ones pass', async () => {
  const { claims, rows } = await prove('suite')
  assert.deepEqual(
    rows.filter(({ holds }) => !holds),
    [],
  )
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
  )
})

test('readers do not stall while a migration waits for its lock, and a killed backfill goes on', async () => {
  const { claims } = await prove('run')
  assert.equal(claims.length, 4)
  // How long somebody waited is left to the proof: here other tests run at the same time.
  const counted = claims.filter(({ claim }) => claim.includes('exactly once') || claim.includes('without giving way'))
  assert.deepEqual(
    counted.map(({ holds, value }) => (holds ? 'holds' : value)),
    ['holds', 'holds'],
  )
})

test("the shop's own migrations pass", async () => {
  const sources = shop.modules.map(({ name, migrations: directory }) => ({
    module: name,
    schema: name,
    directory: directory ?? new URL('./none/', import.meta.url),
  }))
  const { findings, files } = await checkMigrations({ app: 'shop', sources, isPending: () => true })
  assert.ok(files >= 5)
  assert.deepEqual(
    refusals(findings).map(({ code, migration, line }) => `${migration}:${line} ${code}`),
    [],
  )
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createStore, migrations, readStatements, type Store } from './index.ts'

let db: TestDatabase
before(async () => void (db = await testDatabase({ migrations: [migrations] })))
after(() => db.close())

function instance(version: string): { store: Store; sends(text: string): void } {
  const telemetry = createTelemetry({ service: 'shop', env: 'test', version, destination: { write() {} } })
  const store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m' })
  return { store, sends: (text) => telemetry.statements.saw('orders', text.replaceAll(/\d+/g, '?'), text) }
}

test('what the live releases send is known, one text for each shape; when nothing runs, what the last one sent', async () => {
  const old = instance('1.0.0')
  const next = instance('1.1.0')
  for (const { store } of [old, next]) await store.start()
  old.sends('select 1 from note')
  old.sends('select 2 from note')
  old.sends('select old from note')
  next.sends('select 1 from note')
  for (const { store } of [old, next]) assert.ok(await store.flush())
  assert.deepEqual(await readStatements(db.system), {
    liveReleases: ['1.0.0', '1.1.0'],
    statements: [
      { module: 'orders', text: 'select 1 from note', releases: ['1.0.0', '1.1.0'] },
      { module: 'orders', text: 'select old from note', releases: ['1.0.0'] },
    ],
  })
  await old.store.stop()
  const { liveReleases, statements } = await readStatements(db.system)
  assert.deepEqual([liveReleases, statements.map(({ text }) => text)], [['1.1.0'], ['select 1 from note']])

  next.sends('select late from note')
  await next.store.stop() // writes what is left
  const last = await readStatements(db.system)
  assert.deepEqual(last.liveReleases, [])
  assert.deepEqual(
    last.statements.map(({ text, releases }) => [text, releases]),
    [
      ['select 1 from note', ['1.1.0']],
      ['select late from note', ['1.1.0']],
    ],
  )
})

test('a build of the same version starts with a clean slate', async () => {
  const before = instance('2.0.0')
  await before.store.start()
  before.sends('select gone from note')
  await before.store.stop()
  const after = instance('2.0.0')
  await after.store.start()
  after.sends('select here from note')
  await after.store.flush()
  const { statements } = await readStatements(db.system)
  assert.deepEqual(
    statements.map(({ text }) => text),
    ['select here from note'],
  )
  await after.store.stop()
})

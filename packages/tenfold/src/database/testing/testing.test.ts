import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MigrationSource } from '../index.ts'
import { testDatabase } from './index.ts'

test('a test database is migrated, alone, and gone after it was closed', async () => {
  const migrations = [noteMigrations()]
  const [one, two] = await Promise.all([testDatabase({ migrations }), testDatabase({ migrations })])
  await one.system.query(`insert into note values ('mine')`)
  assert.equal((await one.system.query('select * from note')).rowCount, 1)
  assert.equal((await two.system.query('select * from note')).rowCount, 0)
  await one.close()
  const { rows } = await two.system.query<{ left: number }>(
    `select count(*)::int as left from pg_database where datname like 'test\\_test\\_%'`,
  )
  assert.equal(rows[0]?.left, 1)
  await two.close()
})

test('modules of a test database can only reach their own schema', async () => {
  const shop = { module: 'shop', schema: 'shop', directory: '/nowhere' }
  const db = await testDatabase({ migrations: [noteMigrations(), shop] })
  const url = new URL(db.url)
  assert.equal(db.roleMode, process.env.TEST_DATABASE_URL ? db.roleMode : 'separate')
  assert.match(url.pathname, /^\/test_test_/)
  await db.close()
})

function noteMigrations(): MigrationSource {
  const directory = mkdtempSync(join(tmpdir(), 'tenfold-notes-'))
  writeFileSync(join(directory, '0001_notes.sql'), '--! phase: expand\ncreate table note (text text not null);\n')
  return { module: 'tenfold.notes', schema: 'tenfold', directory }
}

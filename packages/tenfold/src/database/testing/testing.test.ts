import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { MigrationSource } from '../index.ts'
import { testDatabase } from './index.ts'

test('a test database is migrated, alone, and gone after it was closed', async () => {
  const migrations = [noteMigrations()]
  const [one, two] = await Promise.all([testDatabase({ migrations }), testDatabase({ migrations })])
  await one.system.query(`insert into note values ('mine')`)
  assert.equal((await one.system.query('select * from note')).rowCount, 1)
  assert.equal((await two.system.query('select * from note')).rowCount, 0)
  await one.close()
  const names = [one, two].map(({ url }) => new URL(url).pathname.slice(1))
  const { rows } = await two.system.query<{ name: string }>(
    'select datname as name from pg_database where datname = any($1)',
    [names],
  )
  assert.deepEqual(rows, [{ name: names[1] }])
  await two.close()
})

test('modules of a test database can only reach their own schema', async () => {
  const shop = { module: 'shop', schema: 'shop', directory: shopMigrations() }
  const db = await testDatabase({ migrations: [noteMigrations(), shop] })
  const shopDb = db.database.module<{ item: { name: string } }>('shop')
  await shopDb.insertInto('item').values({ name: 'mug' }).execute()
  if (db.roleMode === 'separate') await assert.rejects(db.system.query('select * from shop.item'), { code: '42501' })
  await db.close()
})

test('a test process that is killed leaves no server and no folder behind', async () => {
  const program = `
    import pg from ${JSON.stringify(import.meta.resolve('pg'))}
    import { testServer } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const { adminUrl } = await testServer()
    const client = new pg.Client({ connectionString: adminUrl })
    await client.connect()
    const { rows } = await client.query('show data_directory')
    console.log(JSON.stringify({ folder: rows[0].data_directory, port: Number(new URL(adminUrl).port) }))
    setInterval(() => {}, 1000)`
  const { TEST_DATABASE_URL: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { folder, port } = JSON.parse(line.toString()) as { folder: string; port: number }
  assert.ok(await answers(port))
  assert.ok(existsSync(folder))
  child.kill('SIGKILL')
  await once(child, 'exit')
  const deadline = Date.now() + 10_000
  while ((await answers(port)) || existsSync(folder)) {
    assert.ok(Date.now() < deadline, 'the server still runs, or its folder is still there')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
})

test('a test process ends by itself although its server runs', async () => {
  const program = `
    import { testDatabase } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    await (await testDatabase()).close()`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: 'inherit',
    timeout: 30_000,
  })
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function noteMigrations(): MigrationSource {
  const directory = migrationFolder('create table note (text text not null);')
  return { module: 'tenfold.notes', schema: 'tenfold', directory }
}

function shopMigrations(): string {
  return migrationFolder('create table item (name text not null);')
}

function migrationFolder(sql: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tenfold-migrations-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, '0001_first.sql'), `--! phase: expand\n${sql}\n`)
  return directory
}

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import pg from 'pg'
import { allowStatistics, queryStatements } from './permissions.ts'
import { retryingConcurrentUpdate } from './roles.ts'
import { testDatabase, testServer } from './testing/index.ts'

test('an administrator who may see little of the server still prepares the app; one who may gives statistics on', async () => {
  const server = await testServer()
  const admin = new pg.Client({ connectionString: server.adminUrl })
  await admin.connect()
  const [deployer, platform] = ['deployer', 'platform'].map((name) => `${name}_${randomBytes(4).toString('hex')}`)
  const url = new URL(server.adminUrl)
  Object.assign(url, { username: deployer, password: 'a-password' })
  await admin.query(`create role ${deployer} login createrole password 'a-password'`)
  const client = new pg.Client({ connectionString: url.href })
  try {
    await client.connect()
    await client.query(`create role ${platform}`)
    const may = async (): Promise<boolean> =>
      (await admin.query<{ may: boolean }>(`select pg_has_role($1, 'pg_read_all_stats', 'usage') as may`, [platform]))
        .rows[0]!.may
    await assert.rejects(client.query(`select current_setting('shared_preload_libraries')`), /permission denied/)
    await allowStatistics(client, platform!, 'separate')
    assert.equal(await may(), false)
    // As `tenfold deploy` has it done.
    await retryingConcurrentUpdate(() => admin.query(`grant pg_read_all_stats to ${deployer} with admin option`))
    await retryingConcurrentUpdate(() => admin.query(`grant pg_read_all_settings to ${deployer}`))
    await allowStatistics(client, platform!, 'separate')
    assert.equal(await may(), true)
  } finally {
    await client.query(`drop role if exists ${platform}`)
    await client.end()
    await retryingConcurrentUpdate(() =>
      admin.query(`revoke pg_read_all_stats, pg_read_all_settings from ${deployer} cascade`),
    )
    await admin.query(`drop role ${deployer}`)
    await admin.end()
  }
})

test('statements are asked for wherever their view is, and nothing where it is not to be read', async (t) => {
  const database = await testDatabase()
  t.after(() => database.close())
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const calls = (): Promise<{ calls: number }[] | undefined> =>
    queryStatements<{ calls: number }>(
      client,
      (view) => `select sum(calls)::float8 as calls from ${view} where calls > $1`,
      [0],
    )
  try {
    assert.ok((await calls())![0]!.calls > 0)
    await client.query('drop extension pg_stat_statements')
    assert.equal(await calls(), undefined)
    await client.query('create schema "Out of the way"')
    await client.query('create extension pg_stat_statements schema "Out of the way"')
    assert.ok((await calls())![0]!.calls > 0)
  } finally {
    await client.end()
  }
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { plainDatabase, type PlainDatabase } from '../database/testing/index.ts'
import { openDatabase, type Database } from './database.ts'
import { createTransactions } from './transaction.ts'

describe('a commit', () => {
  let plain: PlainDatabase
  let pool: pg.Pool
  let database: Database
  before(async () => {
    plain = await plainDatabase()
    pool = new pg.Pool({ connectionString: plain.url, max: 1 })
    database = await openDatabase({ url: plain.url })
  })
  after(async () => {
    await database.close()
    await pool.end()
    await plain.close()
  })

  test('is seen on a client of pg once the server has said so, and a rollback is none', async () => {
    const transactions = createTransactions()
    const client = await pool.connect()
    let commits = 0
    const run = async (end: string): Promise<void> => {
      await client.query('begin')
      const afterCommit = await transactions.afterCommit(client, 'a test')
      for (let i = 0; i < 20; i++) afterCommit(() => commits++)
      await client.query('select 1')
      assert.equal(commits, 0)
      await client.query(end).catch(() => {})
    }
    await run('rollback')
    assert.equal(commits, 0)
    await run('commit; select 1')
    assert.equal(commits, 20)
    commits = 0
    await run('select 1/0')
    await client.query('commit') // which the server answers with ROLLBACK
    assert.equal(commits, 0)
    client.release()
  })

  test('leaves no listener behind on the client', async () => {
    const transactions = createTransactions()
    const client = await pool.connect()
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    const before = connection.listenerCount('readyForQuery')
    await client.query('begin')
    for (let i = 0; i < 20; i++) await transactions.of(client, 'a test').query('select 1')
    assert.equal(connection.listenerCount('readyForQuery'), before + 1)
    await client.query('commit')
    assert.equal(connection.listenerCount('readyForQuery'), before)
    assert.equal(connection.listenerCount('commandComplete'), before)
    client.release()
  })

  test('is seen by Kysely on tenfold/database, and where it cannot be seen that is said', async () => {
    const transactions = createTransactions()
    const told: string[] = []
    await new Kysely<object>({ dialect: database.dialect() }).transaction().execute(async (trx) => {
      ;(await transactions.afterCommit(trx, 'a test'))(() => told.push('kysely'))
      assert.deepEqual(told, [])
    })
    await database.transaction(async (tx) => {
      ;(await transactions.afterCommit(tx, 'a test'))(() => told.push('tenfold'))
    })
    assert.deepEqual(told, ['kysely', 'tenfold'])
    const elsewhere = new Kysely<object>({ dialect: new PostgresDialect({ pool }) }).transaction()
    await assert.rejects(
      elsewhere.execute((trx) => transactions.afterCommit(trx, 'a test')),
      { code: 'TF_NOT_A_TRANSACTION' },
    )
  })
})

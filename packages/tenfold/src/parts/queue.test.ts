import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import { z } from 'zod'
import { plainDatabase, type PlainDatabase } from '../database/testing/index.ts'
import { openDatabase } from './database.ts'
import { openQueue, type AnyTransaction, type Job, type Queue } from './queue.ts'

describe('a queue alone', () => {
  let plain: PlainDatabase
  let pool: pg.Pool
  let queue: Queue
  let greet: Job<{ name: string }>
  const greeted: string[] = []
  before(async () => {
    plain = await plainDatabase()
    pool = new pg.Pool({ connectionString: plain.url, max: 2 })
    queue = await openQueue({ url: plain.url, migrate: true })
    greet = queue.job('greet', {
      input: z.object({ name: z.string() }),
      run: async ({ input }) => void greeted.push(input.name),
    })
  })
  after(async () => {
    await queue.close()
    await pool.end()
    await plain.close()
  })

  const waiting = async (): Promise<string[]> => (await queue.list({ state: 'waiting' })).map(({ id }) => id)

  test('takes part in the transactions of pg, Kysely, postgres.js and tenfold, and of none that is rolled back', async () => {
    const sql = postgres(plain.url, { max: 1, onnotice: () => {} })
    const kysely = new Kysely<object>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: plain.url }) }),
    })
    const database = await openDatabase({ url: plain.url })
    const routed = new Kysely<object>({ dialect: database.dialect() })
    const ways: Record<string, (run: (tx: AnyTransaction) => Promise<void>) => Promise<unknown>> = {
      pg: async (run) => {
        const client = await pool.connect()
        try {
          await client.query('begin')
          await run(client)
          await client.query('commit')
        } catch (error) {
          await client.query('rollback')
          throw error
        } finally {
          client.release()
        }
      },
      kysely: (run) => kysely.transaction().execute(run),
      'kysely on tenfold/database': (run) => routed.transaction().execute(run),
      'postgres.js': (run) => sql.begin(run),
      'tenfold/database': (run) => database.transaction(run),
    }
    for (const [way, transaction] of Object.entries(ways)) {
      const before = await waiting()
      const failed = transaction(async (tx) => {
        await greet.enqueue({ name: `${way}, never` }, { tx })
        throw new Error('rolled back')
      })
      await assert.rejects(failed, /rolled back/, way)
      assert.deepEqual(await waiting(), before, way)
      await transaction(async (tx) => {
        await greet.enqueueMany([{ name: way }, { name: `${way} again` }], { tx })
        assert.deepEqual(await waiting(), before, `${way}: not yet`)
      })
      assert.equal((await waiting()).length, before.length + 2, way)
    }
    await sql.end()
    await kysely.destroy()
    await database.close()
  })

  test('refuses what is no transaction', async () => {
    const client = await pool.connect()
    const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
    const sql = postgres(plain.url, { max: 1 })
    const refused = (tx: unknown, given: RegExp): Promise<void> =>
      assert.rejects(
        greet.enqueue({ name: 'nobody' }, { tx: tx as AnyTransaction }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'TF_NOT_A_TRANSACTION')
          assert.match(error.message, given)
          return true
        },
      )
    await refused(pool, /a pool, where/)
    await refused(kysely, /a Kysely that has begun none/)
    await refused(sql, /a pool of postgres\.js/)
    await refused(null, /null/)
    await refused({}, /nothing that runs statements/)
    await refused(client, /has not run BEGIN/)
    const older = {
      connection: (client as unknown as { connection: object }).connection,
      query: client.query.bind(client),
    }
    await refused(older, /has not run BEGIN: the job was enqueued at once/)
    client.release()
    await sql.end()
  })

  test('checks inputs, knows each name once, and does nothing to who only enqueues', async () => {
    await assert.rejects(greet.enqueue({ name: 7 as never }), { code: 'TF_JOB_INPUT_INVALID' })
    assert.throws(() => queue.job('greet', {}), { code: 'TF_JOB_TWICE' })
    await using only = await openQueue({ url: plain.url })
    const unchecked = only.job<{ anything: string }>('elsewhere', {})
    const id = await unchecked.enqueue({ anything: 'goes' })
    await using worker = await only.work()
    assert.ok(worker)
    assert.equal((await queue.get(id))?.state, 'waiting')
    assert.equal(await queue.cancel(id), true)
  })

  test('what was enqueued on a client of pg runs, in a process that only works', async () => {
    await using worker = await queue.work({ concurrency: 4 })
    assert.ok(worker)
    const client = await pool.connect()
    await client.query('begin')
    await greet.enqueue({ name: 'last' }, { tx: client })
    await client.query('commit')
    client.release()
    await until(async () => greeted.includes('last') && (await waiting()).length === 0)
    assert.equal(greeted.filter((name) => name.includes('never')).length, 0)
  })
})

test('tables are made when somebody says so, and their lack is said', async () => {
  const plain = await plainDatabase()
  try {
    await assert.rejects(openQueue({ url: plain.url }), { code: 'TF_PART_TABLES_MISSING' })
    await assert.rejects(openQueue({ url: undefined as never }), { code: 'TF_PART_WITHOUT_DATABASE' })
    await assert.rejects(openQueue({ url: 'postgres://127.0.0.1:1/none' }), { code: 'TF_DATABASE_UNREACHABLE' })
    await using queue = await openQueue({ url: plain.url, migrate: true })
    assert.deepEqual(await queue.list(), [])
  } finally {
    await plain.close()
  }
})

test('lines of what goes wrong in the background go to the log of the app', async () => {
  const plain = await plainDatabase()
  const lines: string[] = []
  const queue = await openQueue({
    url: plain.url,
    migrate: true,
    log: (level, message) => lines.push(`${level} ${message}`),
  })
  const fail = queue.job<object>('fail', { attempts: 1, run: () => Promise.reject(new Error('on purpose')) })
  await queue.work()
  await fail.enqueue({})
  await until(async () => (await queue.list({ state: 'dead' })).length === 1)
  await queue.close()
  await plain.close()
  assert.ok(lines.length > 0, 'nothing was told')
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'not within a minute')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

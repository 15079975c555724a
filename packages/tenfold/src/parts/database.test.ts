import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kysely, sql } from 'kysely'
import pg from 'pg'
import {
  createReplica,
  databaseUrl,
  plainDatabase,
  testDatabase,
  testServer,
  type PlainDatabase,
  type TestReplica,
} from '../database/testing/index.ts'
import { migrate as migrateApp } from '../database/index.ts'
import { migrations as queue } from '../queue/index.ts'
import { migrate, openDatabase, type Database } from './database.ts'
import { openQueue } from './queue.ts'

interface Tables {
  note: { id: number; at: Date }
  /** Which server answers: a view, so that it is a plain read for Kysely. */
  place: { replica: boolean }
}

describe('a database with a replica, for pg and Kysely', () => {
  let plain: PlainDatabase
  let replica: TestReplica
  let here: Database
  let there: Database
  before(async () => {
    replica = await createReplica(await testServer())
    plain = await plainDatabase()
    await run(plain.url, 'create table note (id bigint primary key, at date not null)')
    await run(plain.url, 'create view place as select pg_is_in_recovery() as replica')
    await replica.caughtUp()
    const url = new URL(plain.url)
    const elsewhere = new URL(databaseUrl(replica.adminUrl, url.pathname.slice(1)))
    elsewhere.username = url.username
    elsewhere.password = url.password
    const options = { url: plain.url, replicaUrls: [elsewhere.href], migrate: true }
    here = await openDatabase(options)
    there = await openDatabase(options)
  })
  after(async () => {
    await here?.close()
    await there?.close()
    await plain?.close()
    await replica?.close()
  })

  const place = (database: Database): Promise<boolean> =>
    database.replica.query<{ replica: boolean }>('select * from place').then(({ rows }) => rows[0]!.replica)

  test('reads go to the replica, and stay with the primary in a request that has written', async () => {
    const db = new Kysely<Tables>({ dialect: here.dialect() })
    const byKysely = async (): Promise<boolean> =>
      (await db.selectFrom('place').selectAll().executeTakeFirstOrThrow()).replica
    // A replica that has not answered for half a second is left alone, which a busy machine can bring about.
    await until(() => here.follow(undefined, async () => (await place(here)) && byKysely()))
    const found = await here.follow(undefined, async () => {
      const { rows } = await here.query<{ replica: boolean }>('select * from place')
      await db
        .insertInto('note')
        .values({ id: 1, at: new Date('2026-01-02T00:00:00') })
        .execute()
      return [rows[0]!.replica, await byKysely(), await place(here)]
    })
    assert.deepEqual(found, [false, false, false])
  })

  test('who brings the position of a write reads it on another instance, also while the replica stands still', async () => {
    await replica.pause()
    try {
      const position = await here.follow(undefined, async () => {
        await here.transaction((tx) => tx.query(`insert into note values (2, '2026-01-02')`))
        return here.position()
      })
      assert.match(position!, /^[0-9a-z.]+$/)
      const count = (): Promise<number> =>
        there.replica
          .query<{ n: string }>('select count(*) as n from note where id = 2')
          .then(({ rows }) => Number(rows[0]!.n))
      assert.equal(await there.follow(position, count), 1)
      assert.equal(await there.follow('no position', async () => 7), 7)
    } finally {
      await replica.resume()
    }
  })

  test('a middleware gives each request a context of its own', async () => {
    const positions = await Promise.all(
      [3, undefined].map(
        (id) =>
          new Promise<string | undefined>((resolve, reject) => {
            const next = (): void => {
              const handle = async (): Promise<string | undefined> => {
                if (id) await here.query('insert into note values ($1, now())', [id])
                return here.position()
              }
              handle().then(resolve, reject)
            }
            here.follow(undefined, next)
          }),
      ),
    )
    assert.ok(positions[0])
    assert.equal(positions[1], undefined)
  })

  test('values are what pg makes of them', async () => {
    const { rows } = await here.query<{ id: unknown; at: unknown }>('select 5::bigint as id, date $$2026-01-02$$ as at')
    assert.deepEqual(rows, [{ id: '5', at: new Date(2026, 0, 2) }])
  })

  test('Kysely has transactions, savepoints, streams and errors here as on its own dialect', async () => {
    const db = new Kysely<Tables>({ dialect: here.dialect() })
    const add = (id: number) => ({ id, at: new Date('2026-01-02T00:00:00') })
    await assert.rejects(
      db.transaction().execute(async (trx) => {
        await trx.insertInto('note').values(add(10)).execute()
        throw new Error('on purpose')
      }),
      /on purpose/,
    )
    await assert.rejects(
      db.transaction().execute(async (trx) => {
        await trx.insertInto('note').values(add(11)).execute()
        await sql`select 1/0`.execute(trx).catch(() => {})
      }),
      { code: 'TF_TRANSACTION_ABORTED' },
    )
    const trx = await db.startTransaction().setIsolationLevel('repeatable read').execute()
    await trx.insertInto('note').values(add(12)).execute()
    const later = await trx.savepoint('later').execute()
    await later.insertInto('note').values(add(13)).execute()
    await later.rollbackToSavepoint('later').execute()
    await trx
      .insertInto('note')
      .values([add(14), add(15)])
      .execute()
    await trx.commit().execute()
    const ids: string[] = []
    const rows = db
      .selectFrom('note')
      .select(sql<string>`id`.as('id'))
      .where('id', '>=', 10)
      .orderBy('id')
      .stream(2)
    for await (const { id } of rows) ids.push(id)
    assert.deepEqual(ids, ['12', '14', '15'])
    const { numDeletedRows } = await db.deleteFrom('note').where('id', '>=', 10).executeTakeFirstOrThrow()
    assert.equal(numDeletedRows, 3n)
  })
})

test('the tables belong to who migrates, and the app works with what it was granted', async () => {
  const owner = await plainDatabase()
  const { username, password } = new URL((await plainUser(owner)).href)
  try {
    const url = new URL(owner.url)
    url.username = username
    url.password = password
    await assert.rejects(openQueue({ url: url.href, migrate: true }), { code: 'TF_PART_TABLES_REFUSED' })
    const parts = ['queue', 'cache', 'limits', 'sessions'] as const
    const { applied } = await migrate({ url: owner.url, parts })
    assert.ok(applied.includes('tenfold.queue/0001_queue'))
    await assert.rejects(openQueue({ url: url.href }), { code: 'TF_PART_TABLES_REFUSED' })
    assert.deepEqual(await migrate({ url: owner.url, parts, grantTo: username }), { applied: [] })
    await using jobs = await openQueue({ url: url.href, migrate: true })
    const done: unknown[] = []
    const job = jobs.job<{ n: number }>('count', { run: async ({ input }) => void done.push(input.n) })
    await jobs.work()
    await job.enqueue({ n: 1 })
    await until(async () => (await jobs.list({ state: 'done' })).length === 1)
    assert.deepEqual(done, [1])
    await assert.rejects(run(url.href, 'drop table tenfold.job'), /must be owner/)
  } finally {
    await run(owner.adminUrl, `drop owned by ${username}; drop role ${username}`)
    await owner.close()
  }
})

test('a database that was begun with one role keeps it, and one with a role for each module is left alone', async () => {
  const plain = await plainDatabase()
  const divided = await testDatabase({ migrations: [queue] })
  try {
    await migrate({ url: plain.url, parts: ['queue'] })
    const later = await migrateApp({ url: plain.adminUrl, app: 'later', secretKey: 'secret', sources: [queue] })
    assert.deepEqual(later, { applied: [], roleMode: 'shared' })
    assert.equal(divided.roleMode, 'separate')
    await assert.rejects(migrate({ url: divided.url, parts: ['sessions'] }), { code: 'TF_MIGRATION_ROLES' })
  } finally {
    await divided.close()
    await plain.close()
  }
})

/** A user that may log in to a database, and nothing else. */
async function plainUser(database: PlainDatabase): Promise<URL> {
  const url = new URL(database.url)
  url.username = `${url.username}_app`
  await run(database.adminUrl, `create role ${url.username} login password 'plain'`)
  return url
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'not within a minute')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

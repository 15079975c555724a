import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MigrationSource } from './index.ts'
import { migrate, migrationStatus, openTransactions, refuseDamageToStart, type Db } from './index.ts'
import { testDatabase, ways, type TestDatabase } from './testing/index.ts'

interface Shop {
  item: { id: number; name: string; left: number }
}

const folders: string[] = []

async function source(module: string, files: Record<string, string>): Promise<MigrationSource> {
  const directory = await mkdtemp(join(tmpdir(), 'tenfold-migrations-'))
  folders.push(directory)
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), `--! phase: expand\n${sql}`)
  return { module, schema: module, directory }
}

after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

async function untilTrue(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`not within 10 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

for (const via of ways())
  describe(`database, ${via}`, () => {
    let db: TestDatabase
    let shop: Db<Shop>

    before(async () => {
      const items =
        'create table item (id int primary key, name text not null, left_over int); alter table item rename left_over to "left"'
      db = await testDatabase({
        via,
        maxConnections: 4,
        migrations: [
          await source('shop', { '0001_items.sql': items }),
          await source('other', {
            '0001_secret.sql': "create table secret (word text); insert into secret values ('x')",
          }),
        ],
      })
      shop = db.database.module<Shop>('shop')
    })
    after(() => db.close())

    test('queries are typed, parametrised and run as the module', async () => {
      await shop.insertInto('item').values({ id: 1, name: "O'Neil; drop table item", left: 3 }).execute()
      const found = await shop.selectFrom('item').selectAll().where('name', 'like', "O'%").execute()
      assert.deepEqual(found, [{ id: 1, name: "O'Neil; drop table item", left: 3 }])
      const { rows } = await shop.sql<{ who: string }>`select current_user as who where ${1}::int = 1`
      assert.equal(rows[0]!.who, 'test_shop')
    })

    test('a transaction that throws leaves nothing, one that resolves leaves all, and afterCommit knows which', async () => {
      const committed: string[] = []
      await assert.rejects(
        shop.transaction(async (tx) => {
          tx.afterCommit(() => committed.push('first'))
          await tx.insertInto('item').values({ id: 10, name: 'gone', left: 0 }).execute()
          throw new Error('no')
        }),
        /no/,
      )
      await shop.transaction(async (tx) => {
        tx.afterCommit(() => committed.push('second'))
        await tx.insertInto('item').values({ id: 11, name: 'kept', left: 0 }).execute()
      })
      const kept = await shop.selectFrom('item').select('id').where('id', 'in', [10, 11]).execute()
      assert.deepEqual([kept, committed], [[{ id: 11 }], ['second']])
    })

    test('a serialization failure runs the function again until it fits', async () => {
      await shop.insertInto('item').values({ id: 20, name: 'counter', left: 0 }).execute()
      let runs = 0
      let read = 0
      const bothRead = Promise.withResolvers<void>() // the first two read before either writes: one of them must fail
      const addOne = (): Promise<void> =>
        shop.transaction(
          async (tx) => {
            runs++
            const { left } = await tx.selectFrom('item').select('left').where('id', '=', 20).executeTakeFirstOrThrow()
            if (++read === 2) bothRead.resolve()
            await bothRead.promise
            await tx
              .updateTable('item')
              .set({ left: left + 1 })
              .where('id', '=', 20)
              .execute()
          },
          { isolation: 'serializable', attempts: 50 },
        )
      await Promise.all(Array.from({ length: 8 }, addOne))
      const { left } = await shop.selectFrom('item').select('left').where('id', '=', 20).executeTakeFirstOrThrow()
      assert.equal(left, 8)
      assert.ok(runs > 8, `one of the first two meets a conflict; there were ${runs} runs`)
    })

    test('a swallowed failure is not taken for a commit', async () => {
      await assert.rejects(
        shop.transaction(async (tx) => {
          await tx.insertInto('item').values({ id: 30, name: 'lost', left: 0 }).execute()
          await tx.sql`select 1/0`.catch(() => {})
        }),
        { code: 'TF_TRANSACTION_ABORTED' },
      )
    })

    test('a transaction inside another of the same module is refused instead of waiting for itself', async () => {
      await assert.rejects(
        shop.transaction(() => shop.transaction(async () => {})),
        { code: 'TF_NESTED_TRANSACTION' },
      )
      assert.deepEqual(openTransactions(), [])
    })

    test('statements given at once in a transaction run one after the other', async () => {
      const warnings: string[] = []
      const listen = (warning: Error): void => void warnings.push(warning.message)
      process.on('warning', listen)
      const numbers = await shop.transaction((tx) =>
        Promise.all([1, 2, 3].map(async (n) => (await tx.sql<{ n: number }>`select ${n}::int as n`).rows[0]!.n)),
      )
      await new Promise((resolve) => setImmediate(resolve))
      process.off('warning', listen)
      assert.deepEqual([numbers, warnings], [[1, 2, 3], []])
    })

    test('a transaction used after its end says so', async () => {
      let kept: { query(text: string): Promise<unknown> } | undefined
      await shop.transaction(async (tx) => void (kept = tx))
      await assert.rejects(kept!.query('select 1'), { code: 'TF_TRANSACTION_CLOSED' })
    })

    test('the stack of what the server refuses leads to the line that asked, in a transaction too', async () => {
      const item = { id: 1e18, name: 'too large', left: 0 }
      const alone = async (): Promise<unknown> => await shop.insertInto('item').values(item).execute()
      const first = (): Promise<unknown> =>
        shop.transaction(
          async (tx) => await tx.insertInto('item').values(item).returningAll().executeTakeFirstOrThrow(),
        )
      const second = (): Promise<unknown> =>
        shop.transaction(async (tx) => {
          await tx.sql`select 1`
          await tx.sql`select ${'x'}::int`
        })
      for (const asks of [alone, first, second])
        await assert.rejects(asks, ({ stack }: Error) => /database\.test\.ts/.test(stack!))
    })

    test('a large result is read in batches, and leaving the loop early gives the connection back', async () => {
      await shop.sql`insert into item select g, 'many', 0 from generate_series(1000, 5999) g`
      let seen = 0
      const many = shop.selectFrom('item').selectAll().where('name', '=', 'many')
      for await (const _ of shop.stream(many, { batch: 700 })) seen++
      assert.equal(seen, 5000)
      for await (const _ of shop.stream(many)) break
      assert.equal(db.database.counts().open - db.database.counts().idle, 0)
    })

    test('more flows than connections wait their turn; connections pass from role to role', async () => {
      const other = db.database.module('other')
      const work = Array.from({ length: 40 }, (_, i) =>
        i % 2 ? shop.sql`select pg_sleep(0.005)` : other.sql`select pg_sleep(0.005)`,
      )
      await Promise.all(work)
      assert.ok(db.database.counts().open <= 4)
      assert.equal(db.database.counts().waiting, 0)
    })

    test('a killed backend fails its statement and nothing else', async () => {
      await assert.rejects(shop.sql`select pg_terminate_backend(pg_backend_pid())`)
      const { rows } = await shop.sql<{ one: number }>`select 1 as one`
      assert.equal(rows[0]!.one, 1)
    })

    test('listeners hear messages, and learn of a lost connection that has come back', async () => {
      const heard: (string | undefined)[] = []
      const stop = await db.system.listen('test_channel', (payload) => void heard.push(payload))
      await db.system.query(`select pg_notify('test_channel', 'one')`)
      await untilTrue(() => heard.includes('one'), 'the first message')
      await db.system
        .query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test/listen' and datname = current_database()`,
        )
        .catch(() => {})
      await untilTrue(() => heard.includes(undefined), 'word of the loss')
      await untilTrue(async () => {
        await db.system.query(`select pg_notify('test_channel', 'two')`)
        return heard.includes('two')
      }, 'a message over the new connection')
      await stop()
    })

    const bypasses: Record<string, string> = {
      'reads the table of another module': 'select * from other.secret',
      'joins it': 'select * from item join other.secret on true',
      'writes to it': "insert into other.secret values ('y')",
      'becomes the role of the other': 'set role test_other',
      'becomes its owner': 'set role test_other_owner',
      'becomes its own owner': 'set role test_shop_owner',
      'makes a table in its own schema': 'create table shop.sneaky (id int)',
      'makes a table in the schema of the other': 'create table other.sneaky (id int)',
      'makes a table in public': 'create table public.sneaky (id int)',
      'makes a foreign key to it': 'alter table shop.item add foreign key (id) references other.secret',
      'drops its own table': 'drop table shop.item',
      'copies it out': 'copy other.secret to stdout',
      "reads the platform's tables": 'select * from tenfold.migration',
      'reads the passwords': 'select rolpassword from pg_authid',
      'reads a file of the server': "select pg_read_file('PG_VERSION')",
    }
    for (const [what, statement] of Object.entries(bypasses)) {
      test(`a module that ${what} is denied`, async () => {
        await assert.rejects(db.database.module('shop').sql([statement] as unknown as TemplateStringsArray), {
          code: '42501',
        })
      })
    }
    test('a search_path to the other schema opens nothing', async () => {
      await assert.rejects(
        shop.transaction(async (tx) => {
          await tx.sql`set local search_path = other`
          await tx.sql`select * from secret`
        }),
        { code: '42P01' }, // names in a schema without USAGE are not even found
      )
    })
  })

describe('migrations', () => {
  const options = (db: TestDatabase, ...sources: MigrationSource[]) => ({
    url: db.url,
    app: db.app,
    secretKey: db.secretKey,
    sources,
  })

  test('each file is applied once, in order, and the status says so', async () => {
    const db = await testDatabase()
    const shop = await source('shop', {
      '0001_a.sql': 'create table a (id int)',
      '0002_b.sql': 'alter table a add column b int',
    })
    assert.deepEqual((await migrate(options(db, shop))).applied, ['shop/0001_a', 'shop/0002_b'])
    assert.deepEqual((await migrate(options(db, shop))).applied, [])
    const { migrations } = await migrationStatus(options(db, shop))
    assert.deepEqual(
      migrations.map(({ name, state }) => [name, state]),
      [
        ['0001_a', 'applied'],
        ['0002_b', 'applied'],
      ],
    )
    await db.close()
  })

  test('a changed file and a missing one are refused by name', async () => {
    const db = await testDatabase()
    await migrate(
      options(db, await source('shop', { '0001_a.sql': 'create table a (id int)', '0002_b.sql': 'select 1' })),
    )
    const changed = await source('shop', { '0001_a.sql': 'create table a (id bigint)', '0002_b.sql': 'select 1' })
    await assert.rejects(migrate(options(db, changed)), { code: 'TF_MIGRATION_CHANGED', message: /shop\/0001_a/ })
    const missing = await source('shop', { '0001_a.sql': 'create table a (id int)' })
    await assert.rejects(migrate(options(db, missing)), { code: 'TF_MIGRATION_MISSING', message: /shop\/0002_b/ })
    await db.close()
  })

  test('a release that a newer one has overtaken may start, and not when something was removed or lies between', async () => {
    const db = await testDatabase()
    const files = { '0001_a.sql': 'create table a (id int)', '0002_b.sql': 'select 1', '0003_c.sql': 'select 1' }
    await migrate(options(db, await source('shop', files)))
    const start = async (names: (keyof typeof files)[]): Promise<void> => {
      const own = Object.fromEntries(names.map((name) => [name, files[name]]))
      const { migrations } = await migrationStatus(options(db, await source('shop', own)))
      refuseDamageToStart(migrations)
    }
    await start(['0001_a.sql'])
    await assert.rejects(start(['0001_a.sql', '0003_c.sql']), { code: 'TF_MIGRATION_MISSING', message: /shop\/0002_b/ })
    const states = (await migrationStatus(options(db, await source('shop', { '0001_a.sql': files['0001_a.sql'] }))))
      .migrations
    const removed = states.map((one) => (one.name === '0003_c' ? { ...one, phase: 'contract' as const } : one))
    assert.throws(() => refuseDamageToStart(removed), { code: 'TF_MIGRATION_MISSING', message: /shop\/0003_c/ })
    await db.close()
  })

  test('a file that fails keeps nothing and names its line', async () => {
    const db = await testDatabase()
    const broken = await source('shop', { '0001_a.sql': 'create table a (id int);\nselect nothing from a;' })
    await assert.rejects(migrate(options(db, broken)), {
      code: 'TF_MIGRATION_FAILED',
      message: /shop\/0001_a failed at line 3/,
    })
    const mended = await source('shop', { '0001_a.sql': 'create table a (id int)' })
    assert.deepEqual((await migrate(options(db, mended))).applied, ['shop/0001_a'])
    await db.close()
  })

  test('a file may not reach into the schema of another module', async () => {
    const db = await testDatabase()
    const other = await source('other', { '0001_secret.sql': 'create table secret (id int primary key)' })
    const nosy = await source('shop', { '0001_nosy.sql': 'create table a (id int references other.secret)' })
    await assert.rejects(migrate(options(db, other, nosy)), {
      code: 'TF_MIGRATION_FAILED',
      message: /permission denied/,
    })
    await db.close()
  })

  test('two processes that migrate at once apply each file once', async () => {
    const db = await testDatabase()
    const shop = await source('shop', { '0001_slow.sql': 'create table a (id int); select pg_sleep(0.2)' })
    const results = await Promise.all([
      migrate(options(db, shop)),
      migrate(options(db, shop)),
      migrate(options(db, shop)),
    ])
    assert.deepEqual(
      results.flatMap((result) => result.applied),
      ['shop/0001_slow'],
    )
    await db.close()
  })

  test('an index is built concurrently outside of a transaction', async () => {
    const db = await testDatabase()
    const shop = await source('shop', {
      '0001_a.sql': 'create table a (id int)',
      '0002_index.sql': '--! transaction: none\ncreate index concurrently a_id on a (id)',
    })
    assert.equal((await migrate(options(db, shop))).applied.length, 2)
    await db.close()
  })

  test('a file that was only begun is not applied, nor is anything before it', async () => {
    const db = await testDatabase()
    const begun = await source('shop', {
      '0001_a.sql': 'create table a (id int)',
      '0002_b.sql': '-- what it does\n/* soon */',
    })
    await assert.rejects(migrate(options(db, begun)), { code: 'TF_MIGRATION_UNWRITTEN' })
    const { migrations } = await migrationStatus(options(db, begun))
    assert.deepEqual([...new Set(migrations.map(({ state }) => state))], ['pending'])
    await db.close()
  })

  test('file names and headers that say too little are refused', async () => {
    const db = await testDatabase()
    await assert.rejects(migrate(options(db, await source('shop', { '1_a.sql': 'select 1' }))), {
      code: 'TF_BAD_MIGRATION_FILE',
    })
    const twice = await source('shop', { '0001_a.sql': 'select 1', '0001_b.sql': 'select 1' })
    await assert.rejects(migrate(options(db, twice)), { code: 'TF_BAD_MIGRATION_FILE' })
    await db.close()
  })

  test('a wrong address is one clear error', async () => {
    const sources: MigrationSource[] = []
    await assert.rejects(
      migrate({ url: 'postgres://nobody:nothing@127.0.0.1:1/none', app: 'x', secretKey: 'k', sources }),
      {
        code: 'TF_DATABASE_UNREACHABLE',
        message: /127\.0\.0\.1:1/,
      },
    )
  })
})

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Kysely, sql } from 'kysely'
import pg from 'pg'
import { createTelemetry } from '../telemetry/index.ts'
import { openDatabase, type SqlTransaction } from './index.ts'
import { testDatabase, ways, type TestDatabase } from './testing/index.ts'

const ADD = 'insert into public.kept values ($1::text::int)'
const MACADDR = 829

for (const via of ways())
  describe(`what belongs to a transaction, ${via}`, () => {
    let db: TestDatabase
    let other: pg.Client

    before(async () => {
      db = await testDatabase({ via, maxConnections: 1 })
      other = new pg.Client({ connectionString: db.url })
      await other.connect()
      await other.query('create table public.kept (n int primary key); grant all on public.kept to public')
      await other.query('grant usage on schema public to public')
    })
    after(async () => {
      await other.end()
      await db.close()
    })
    beforeEach(() => other.query('delete from public.kept'))

    /** What somebody else sees, after one more statement on the only connection that there is: it has to be seen, too. */
    const kept = async (): Promise<number[]> => {
      const { opened } = db.database.counts()
      await db.system.query(ADD, [0])
      const { rows } = await other.query('select n from public.kept order by n')
      assert.equal(rows[0]?.n, 0, 'what was written after the transaction is there')
      assert.equal(db.database.counts().opened, opened, 'on the same connection')
      await other.query('delete from public.kept')
      return rows.slice(1).map(({ n }) => n)
    }

    /** Its failure is nobody's business before it is looked at. */
    const forgotten = (asked: Promise<unknown>): Promise<unknown> => {
      asked.catch(() => {})
      return asked
    }

    const three = (tx: SqlTransaction, ...values: string[]): Promise<unknown> =>
      Promise.all(values.map((value) => tx.query(ADD, [value])))

    const codes = (all: PromiseSettledResult<unknown>[]): unknown[] =>
      all.map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as { code?: string }).code))

    test('of three at once the first fails: nothing is kept', async () => {
      await assert.rejects(
        db.system.transaction((tx) => three(tx, 'bad', '1', '2')),
        { code: '22P02' },
      )
      assert.deepEqual(await kept(), [])
    })

    test('of three at once the first fails before it is sent: nothing is kept', async () => {
      const ran = db.system.transaction((tx) =>
        Promise.all([tx.query('select $1::jsonb', [{ n: 1n }]), three(tx, '1', '2')]),
      )
      await assert.rejects(ran, TypeError)
      assert.deepEqual(await kept(), [])
    })

    test('of three at once a later one fails: nothing is kept', async () => {
      for (const values of [
        ['bad', '2', '3'],
        ['2', 'bad', '3', '4'],
      ])
        await assert.rejects(
          db.system.transaction(async (tx) => {
            await tx.query(ADD, ['1'])
            await three(tx, ...values)
          }),
          { code: '22P02' },
        )
      assert.deepEqual(await kept(), [])
    })

    test('what waits when the function throws is refused', async () => {
      let asked: Promise<unknown>[] = []
      await assert.rejects(
        db.system.transaction(async (tx) => {
          asked = ['1', '2', '3'].map((value) => forgotten(tx.query(ADD, [value])))
          throw new Error('no')
        }),
        /^Error: no$/,
      )
      const closed = 'TF_TRANSACTION_CLOSED'
      assert.deepEqual(codes(await Promise.allSettled(asked)), ['done', closed, closed])
      assert.deepEqual(await kept(), [])
    })

    test('what nobody awaited, but was asked before the end, is part of the transaction', async () => {
      let asked: Promise<unknown>[] = []
      const forget = (...values: string[]): Promise<void> =>
        db.system.transaction(async (tx) => {
          await tx.query(ADD, ['1'])
          asked = values.map((value) => forgotten(tx.query(ADD, [value])))
        })
      await forget('2', '3')
      assert.deepEqual(codes(await Promise.allSettled(asked)), ['done', 'done'])
      assert.deepEqual(await kept(), [1, 2, 3])
      await assert.rejects(forget('2', 'bad', '3'), { code: 'TF_TRANSACTION_ABORTED' })
      assert.deepEqual(codes(await Promise.allSettled(asked)), ['done', '22P02', '25P02'])
      assert.deepEqual(await kept(), [])
    })

    test('what asks again after such a statement is too late', async () => {
      let last: Promise<unknown> | undefined
      await db.system.transaction(async (tx) => {
        last = forgotten(tx.query(ADD, ['1']).then(() => tx.query(ADD, ['2'])))
      })
      await assert.rejects(last!, { code: 'TF_TRANSACTION_CLOSED' })
      assert.deepEqual(await kept(), [1])
    })

    test('a first statement without values that nobody awaited comes before the end, too', async () => {
      let asked: Promise<unknown> | undefined
      await db.system.transaction(async (tx) => void (asked = tx.query('insert into public.kept values (1)')))
      await asked
      assert.deepEqual(await kept(), [1])
      const thrown = db.system.transaction(async (tx) => {
        asked = tx.query('insert into public.kept values (1)')
        throw new Error('no')
      })
      await assert.rejects(thrown, /^Error: no$/)
      await asked
      assert.deepEqual(await kept(), [])
    })

    test('what was left over of a run that failed is not written by the next one and by itself', async () => {
      await other.query('create table public.tally (n int); grant all on public.tally to public')
      let runs = 0
      await db.system.transaction(async (tx) => {
        await tx.query('select $1::int', [1])
        const fails = `do $$ begin if ${++runs} = 1 then raise exception 'again' using errcode = '40001'; end if; end $$`
        const count = 'insert into public.tally values ($1)'
        await Promise.all([tx.query(fails), tx.query(count, [runs]), tx.query(count, [runs]), tx.query(count, [runs])])
      })
      assert.equal(runs, 2)
      assert.deepEqual((await other.query('select n from public.tally')).rows, [{ n: 2 }, { n: 2 }, { n: 2 }])
      assert.deepEqual(await kept(), [])
    })

    test('a first statement whose answer cannot be read was sent all the same, and nothing is begun anew', async () => {
      pg.types.setTypeParser(MACADDR, () => {
        throw new Error('cannot read this')
      })
      const direct = db.database.direct('tenfold')
      await direct.transaction(
        async (tx) => {
          await assert.rejects(tx.query('select $1::macaddr', ['08:00:2b:01:02:03']), /cannot read this/)
          await tx.query(ADD, ['1'])
        },
        { isolation: 'repeatable read' },
      )
      assert.deepEqual(await kept(), [1])
    })

    test('a connection that comes back inside of a transaction is closed, with an error in the log', async (t) => {
      let said = ''
      const telemetry = createTelemetry({
        service: 'test',
        env: 'test',
        level: 'error',
        destination: { write: (text: string) => void (said += text) },
      })
      const { app, secretKey, roleMode, statementUrl: url } = db
      const own = openDatabase({ url, app, secretKey, roleMode, telemetry, maxConnections: 1 })
      t.after(() => own.service.stop())
      await own.system.query('begin')
      await own.system.query(ADD, ['1'])
      assert.equal(own.counts().opened, 2)
      assert.match(said, /"level":"error".*"role":"test_tenfold".*left a transaction open/)
      assert.deepEqual(await kept(), [1])
    })

    test('rows are read in pieces, of one at least, more than once in a transaction, and left early', async () => {
      const kysely = new Kysely<{ 'public.kept': { n: number } }>({ dialect: db.database.direct('tenfold').dialect() })
      await other.query('insert into public.kept select generate_series(1, 5)')
      const readFirst = async (on: typeof kysely, batch: number): Promise<number | undefined> => {
        for await (const { n } of on.selectFrom('public.kept').selectAll().orderBy('n').stream(batch)) return n
        return undefined
      }
      for (const batch of [0, 0.5, 2, 500]) {
        assert.equal(await readFirst(kysely, batch), 1)
        await kysely.transaction().execute(async (trx) => {
          assert.equal(await readFirst(trx, batch), 1)
          assert.equal(await readFirst(trx, batch), 1)
        })
      }
      await other.query('delete from public.kept')
      assert.deepEqual(await kept(), [])
    })

    test("Kysely's own transactions: nothing runs after their end", async () => {
      const kysely = new Kysely<{ kept: { n: unknown } }>({ dialect: db.database.direct('tenfold').dialect() })
      const add = (on: Kysely<{ kept: { n: unknown } }>, n: string): Promise<unknown> =>
        sql`insert into public.kept values (${n}::text::int)`.execute(on)
      for (const values of [
        ['bad', '2', '3', '4'],
        ['2', 'bad', '3', '4'],
      ]) {
        const ran = kysely.transaction().execute((trx) => Promise.all(values.map((n) => add(trx, n))))
        await assert.rejects(ran, { code: '22P02' })
      }
      let late: Promise<unknown>[] = []
      await kysely.transaction().execute(async (trx) => {
        await add(trx, '1')
        late = [forgotten(add(trx, '2')), forgotten(add(trx, '3'))]
      })
      const written = codes(await Promise.allSettled(late)).filter((code) => code === 'done').length
      assert.equal((await kept()).length, 1 + written)
      assert.equal(db.database.counts().open - db.database.counts().idle, 0)
    })
  })

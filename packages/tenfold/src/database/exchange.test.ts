import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { createTelemetry, type TraceRecord } from '../telemetry/index.ts'
import { exchange } from './exchange.ts'
import { openDatabase } from './index.ts'
import { createShapes } from './shapes.ts'
import { testDatabase, ways, type TestDatabase } from './testing/index.ts'
import { parsers } from './values.ts'
import { Wire } from './wire.ts'

for (const via of ways())
  describe(`a statement and its answer, ${via}`, () => {
    let db: TestDatabase
    let client: pg.Client
    let wire: Wire
    let driver: pg.Client
    const shapeOf = createShapes()
    const ask = (text: string, values: readonly unknown[] = [], begin?: string) =>
      exchange(wire, parsers, shapeOf(text), values, begin === undefined ? undefined : shapeOf(begin))

    before(async () => {
      db = await testDatabase({ via })
      client = new pg.Client({ connectionString: db.url, types: parsers })
      await client.connect()
      wire = new Wire(client)
      driver = new pg.Client({ connectionString: db.url, types: parsers })
      await driver.connect()
    })
    after(async () => {
      await wire.end()
      await driver.end()
      await db.close()
    })

    /** What the driver's own query object answers. */
    const byDriver = async (text: string, values: unknown[]) => (await driver.query(text, values)).rows

    for (const [what, type, value] of [
      ['a text', 'text', 'O\'Neil\n\\ "x"'],
      ['an empty text', 'text', ''],
      ['a long text beyond ASCII', 'text', 'für 🐘 '.repeat(5000)],
      ['a text of 128 units of three bytes', 'text', '漢'.repeat(128)],
      ['nothing', 'text', null],
      ['undefined', 'text', undefined],
      ['a number', 'int', -12],
      ['a fraction', 'float8', 0.1],
      ['a bigint', 'int8', 9_007_199_254_740_993n],
      ['the least bigint', 'int8', '-9223372036854775808'],
      ['fifteen digits', 'int8', -999_999_999_999_999],
      ['nought', 'int2', 0],
      ['true', 'boolean', true],
      ['a date with its zone', 'timestamptz', new Date(1_700_000_000_123)],
      ['a date of another century, before 1970', 'timestamptz', '1899-12-31 23:59:59.9999+00'],
      ['a date of the first century', 'timestamptz', '0099-02-03 04:05:06+00'],
      ['a date before that', 'timestamptz', '0044-03-15 00:00:00+00 BC'],
      ['a date of five digits', 'timestamptz', '12026-01-02 03:04:05.1+00'],
      ['the end of time', 'timestamptz', 'infinity'],
      ['a date without one', 'timestamp', new Date(1_700_000_000_123)],
      ['bytes', 'bytea', Buffer.from([0, 1, 255])],
      ['a typed array', 'bytea', new Uint8Array([7, 8])],
      ['an array', 'text[]', ['a', null, 'b,"c"\\']],
      ['an array of numbers', 'int8[]', [1, 2]],
      ['an object as JSON', 'jsonb', { a: [1, 'ü'] }],
    ] as const)
      test(`${what} goes there and back as with the driver`, async () => {
        const text = `select $1::${type} as value, 'x' as other, $2::int as more`
        assert.deepEqual((await ask(text, [value, 5])).rows, await byDriver(text, [value, 5]))
      })

    test('the server says what was done, and how much', async () => {
      await ask('create table thing (id int primary key, word text)')
      const inserted = await ask('insert into thing select n, $1 from generate_series(1, 3) n returning id', ['x'])
      assert.deepEqual(inserted, { rows: [{ id: 1 }, { id: 2 }, { id: 3 }], rowCount: 3, command: 'INSERT' })
      assert.deepEqual(await ask('update thing set word = $1', ['y']), { rows: [], rowCount: 3, command: 'UPDATE' })
      assert.deepEqual(await ask('select * from thing where id = $1', [9]), {
        rows: [],
        rowCount: 0,
        command: 'SELECT',
      })
      assert.equal((await ask('create index on thing (word)')).command, 'CREATE')
      assert.deepEqual((await ask('')).rows, [])
    })

    test('of several statements at once: the command of the first, the rows of the last', async () => {
      assert.deepEqual(await ask('begin; select 1 as a; select 2 as b'), {
        rows: [{ b: 2 }],
        rowCount: 1,
        command: 'BEGIN',
      })
      await ask('rollback')
    })

    test('columns that have changed are read anew', async () => {
      await ask('create table turning (a int)')
      await ask('insert into turning values ($1)', [1])
      const text = 'select * from turning where a::text = $1'
      assert.deepEqual((await ask(text, ['1'])).rows, [{ a: 1 }])
      await ask("alter table turning alter a type text; alter table turning add b date default '2026-01-02'")
      assert.deepEqual((await ask(text, ['1'])).rows, [{ a: '1', b: '2026-01-02' }])
    })

    test('a failed statement is an error with its code, and the connection goes on', async () => {
      await assert.rejects(ask('select $1::int', ['x']), { code: '22P02' })
      await assert.rejects(ask('select from nowhere'), { code: '42P01' })
      await assert.rejects(ask('copy pg_class from stdin'), { code: /^(57014|42501)$/ })
      const circular: { toPostgres?: unknown } = {}
      circular.toPostgres = () => circular
      await assert.rejects(ask('select $1', [circular]), /circular/)
      await assert.rejects(
        ask(
          'select $1',
          Array.from({ length: 70_000 }, () => 1),
        ),
        RangeError,
      )
      assert.deepEqual((await ask('select $1::int as n', [1])).rows, [{ n: 1 }])
    })

    test('what a parser throws fails that statement, after the whole answer was read', async () => {
      const types = {
        getTypeParser: () => () => {
          throw new Error('cannot read this')
        },
      }
      const shape = shapeOf('select n from generate_series(1, $1::int) n')
      await assert.rejects(exchange(wire, types, shape, [3]), /cannot read this/)
      assert.equal((await exchange(wire, parsers, shape, [3])).rows.length, 3)
    })

    test('begin travels with the first statement, whose answer it is not', async () => {
      await ask('create table kept (id int primary key)')
      const first = await ask('insert into kept values ($1) returning id', [1], 'begin isolation level serializable')
      assert.deepEqual(first, { rows: [{ id: 1 }], rowCount: 1, command: 'INSERT' })
      const { rows } = await ask("select current_setting('transaction_isolation') as level, $1 as x", ['x'])
      assert.deepEqual(rows, [{ level: 'serializable', x: 'x' }])
      await ask('rollback')
      assert.deepEqual((await ask('select * from kept')).rows, [])
      await assert.rejects(ask('insert into kept values ($1::text::int)', ['x'], 'begin'), { code: '22P02' })
      await assert.rejects(ask('select $1::int', [1]), { code: '25P02' }, 'the transaction was begun, and has failed')
      await ask('rollback')
    })

    test('begin travels with a statement without values, too, if that is a single one', async () => {
      assert.deepEqual(await ask('select 1 as one', [], 'begin isolation level serializable'), {
        rows: [{ one: 1 }],
        rowCount: 1,
        command: 'SELECT',
      })
      assert.deepEqual((await ask("select current_setting('transaction_isolation') as level")).rows, [
        { level: 'serializable' },
      ])
      await ask('rollback')
      await assert.rejects(ask('select 1; select 2', [], 'begin'), { code: '42601' })
      await ask('rollback')
    })

    test('a transaction asks the server for no more than its statements and its end', async () => {
      const traces: TraceRecord[] = []
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      telemetry.addSink({ onTrace: (trace) => void traces.push(trace) })
      const { url, app, secretKey, roleMode } = db
      const database = openDatabase({ url, app, secretKey, roleMode, telemetry })
      const inTrace = async (run: () => Promise<unknown>): Promise<string[]> => {
        await telemetry.root({ kind: 'task', name: 'test' }, run)
        return traces
          .at(-1)!
          .spans.filter(({ kind }) => kind === 'query')
          .map(({ name }) => name)
      }
      const { system } = database
      const one = inTrace(() => system.transaction((tx) => tx.query('select $1::int', [1])))
      assert.deepEqual(await one, ['select ?::int', 'commit'])
      const none = inTrace(() => system.transaction(async () => {}))
      assert.deepEqual(await none, [])
      const plain = inTrace(() => system.transaction((tx) => tx.query('select now()')))
      assert.deepEqual(await plain, ['begin', 'select now()', 'commit'])
      const both = inTrace(() =>
        system.transaction((tx) => Promise.all([tx.query('select $1::int', [1]), tx.query('select $1::int', [2])])),
      )
      assert.deepEqual(await both, ['select ?::int', 'select ?::int', 'commit'])
      const broken = inTrace(() => system.transaction((tx) => tx.query('select $1::int', ['x'])).catch(() => undefined))
      assert.deepEqual(await broken, ['select ?::int', 'rollback'])
      await database.service.stop()
      await telemetry.close()
    })

    test('what follows a first statement that was never sent is still within the transaction', async () => {
      const { url, app, secretKey, roleMode } = db
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      const database = openDatabase({ url, app, secretKey, roleMode, telemetry })
      const ran = await database.system.transaction((tx) =>
        Promise.allSettled([
          // JSON has no bigint, so that nothing of it reaches the server; the others are asked before anybody hears of that.
          tx.query('select $1::jsonb', [{ n: 1n }]),
          tx.query('select pg_advisory_xact_lock($1)', [4711]),
          tx.query("select from pg_locks where locktype = 'advisory' and objid = $1", [4711]),
        ]),
      )
      assert.deepEqual(
        ran.map((one) => (one.status === 'fulfilled' ? one.value.rowCount : 'refused')),
        ['refused', 1, 1],
      )
      await database.service.stop()
      await telemetry.close()
    })

    test('the duration of a statement is an example of the request that asked, not of the one that opened the connection', async () => {
      const { url, app, secretKey, roleMode } = db
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      telemetry.metrics.keepExemplars()
      const { system, service } = openDatabase({ url, app, secretKey, roleMode, telemetry, maxConnections: 1 })
      const askedIn = (): Promise<string> =>
        telemetry.root({ kind: 'request', name: 'GET /' }, async ({ traceId }) => {
          await system.query('select 1')
          return traceId
        })
      await askedIn()
      const last = await askedIn()
      const [point] = telemetry.metrics.snapshot().filter(({ name }) => name === 'db.client.operation.duration')
      assert.ok(point!.exemplars!.some(({ traceId }) => traceId === last))
      await service.stop()
      await telemetry.close()
    })

    test('an error of the server says where in the app it was asked for', async () => {
      const { url, app, secretKey, roleMode } = db
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      const { system, service } = openDatabase({ url, app, secretKey, roleMode, telemetry })
      const askedHere = async (): Promise<unknown> => await system.query('select 1 / $1::int', [0])
      await assert.rejects(askedHere, ({ stack }: Error) => /askedHere/.test(stack!))
      await service.stop()
      await telemetry.close()
    })
  })

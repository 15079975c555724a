import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { exchange } from './exchange.ts'
import { createShapes } from './shapes.ts'
import { testDatabase, type TestDatabase } from './testing/index.ts'
import { parsers } from './values.ts'
import { Wire, WireSocket } from './wire.ts'

for (const [way, socket] of [
  ['a socket of ours', true],
  ['the socket of the driver, as with TLS', false],
] as const)
  describe(`the wire of a connection over ${way}`, () => {
    let db: TestDatabase
    const wires: Wire[] = []
    const shapeOf = createShapes()

    before(async () => void (db = await testDatabase()))
    after(async () => {
      await Promise.all(wires.map((wire) => wire.end()))
      await db.close()
    })

    async function open(): Promise<{ wire: Wire; client: pg.Client; ask: typeof askOn }> {
      const client = new pg.Client({
        connectionString: db.url,
        ...(socket && { stream: () => new WireSocket() }),
      })
      client.on('error', () => {})
      await client.connect()
      const wire = new Wire(client)
      wires.push(wire)
      return { wire, client, ask: (text, values) => askOn(text, values, wire) }
    }
    const askOn = (text: string, values: readonly unknown[] = [], wire: Wire = wires[0]!) =>
      exchange(wire, parsers, shapeOf(text), values)

    test('answers of any length are put together again, wherever the reads cut them', async () => {
      const { ask } = await open()
      const text = 'select n, repeat(chr(64 + n % 60), n) as word from generate_series(1, $1::int, 7) n'
      const { rows } = await ask(text, [3000])
      assert.deepEqual(
        rows,
        Array.from({ length: 429 }, (_, i) => ({
          n: 1 + 7 * i,
          word: String.fromCharCode(64 + ((1 + 7 * i) % 60)).repeat(1 + 7 * i),
        })),
      )
      const [{ long }] = (await ask("select repeat('für', $1::int) as long", [1_000_000])).rows as [{ long: string }]
      assert.equal(long.length, 3_000_000)
      assert.ok(long.endsWith('fürfür'))
      assert.deepEqual((await ask('select 1 as one')).rows, [{ one: 1 }])
    })

    test('statements that are asked at once run one after the other, and each has its own answer', async () => {
      const { ask } = await open()
      const answers = await Promise.allSettled([
        ask('select pg_sleep(0.05), 1 as n'),
        ask('select $1::int as n', [2]),
        ask('select $1::int', ['x']),
        ask('select $1::jsonb', [{ n: 4n }]),
        ask('select 5 as n'),
      ])
      const told = answers.map((one) =>
        one.status === 'fulfilled' ? (one.value.rows as { n: number }[])[0]!.n : (one.reason as { code?: string }).code,
      )
      assert.deepEqual(told, [1, 2, '22P02', undefined, 5])
    })

    test('whoever waits when the connection is lost is told, and so is whoever asks later', async () => {
      const { ask } = await open()
      const asked = ['select pg_terminate_backend(pg_backend_pid())', 'select 1', 'select 2'].map((text) => ask(text))
      const [first, ...others] = await Promise.allSettled(asked)
      assert.equal((first as PromiseRejectedResult).reason.code, '57P01')
      for (const one of others) assert.equal(one.status, 'rejected')
      await assert.rejects(ask('select 3'), /terminat/)
    })

    test('what the server says unasked ends the connection only if it is an error', async () => {
      const { ask, client } = await open()
      const other = await open()
      await ask("listen heard; set application_name to 'other'")
      await ask("do $$ begin raise notice 'well'; end $$; notify heard")
      const { pid } = (await ask('select pg_backend_pid() as pid')).rows[0] as { pid: number }
      const told = new Promise((resolve) => client.once('error', resolve))
      await other.ask('select pg_terminate_backend($1)', [pid])
      assert.equal(((await told) as { code: string }).code, '57P01')
      await assert.rejects(ask('select 1'), { code: '57P01' })
    })

    test('a connection is ended without waiting for the answer that is still to come', async () => {
      const { wire, ask } = await open()
      const slow = ask('select pg_sleep(60)')
      const [{ status }] = await Promise.all([Promise.allSettled([slow]).then(([one]) => one), wire.end()])
      assert.equal(status, 'rejected')
    })
  })

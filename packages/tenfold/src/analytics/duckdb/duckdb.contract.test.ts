import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SqlTransaction, SystemDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import type { Changes, Columns } from '../columns/columns.ts'
import { createFollower } from '../columns/follow.ts'
import { migrations, openAnalytics, type Analytics } from '../index.ts'
import { describeAnalyticsContract, holdTransaction } from '../testing/index.ts'
import { openDuckDb } from './duckdb.ts'

describeAnalyticsContract('duckdb', async () => {
  const test = await testDatabase({ migrations: [migrations] })
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-duckdb-'))
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const held = holdTransaction(test.system)
  return {
    open: async (clock, timeZone) => {
      const options = {
        db: test.system,
        telemetry,
        clock,
        timeZone,
        columns: `duckdb:${join(folder, 'events.duckdb')}`,
      }
      return [openAnalytics(options), openAnalytics(options)]
    },
    close: async () => {
      await held.end()
      await test.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})

interface Own {
  file: string
  db: SystemDatabase
  open(): Analytics
}

const dayBefore = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)

async function counted(analytics: Analytics): Promise<number> {
  const query = { from: dayBefore(1), to: dayBefore(-1), by: 'day' as const, events: [{ event: 'seen' }] }
  return (await analytics.trend(query)).series[0]!.total
}

async function withOwn(run: (own: Own) => Promise<void>): Promise<void> {
  const own = await testDatabase({ migrations: [migrations] })
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-duckdb-'))
  const file = join(folder, 'events.duckdb')
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  try {
    await run({
      file,
      db: own.system,
      open: () => openAnalytics({ db: own.system, telemetry, columns: `duckdb:${file}` }),
    })
  } finally {
    await own.close()
    await rm(folder, { recursive: true, force: true })
  }
}

test('a copy that is ahead of a restored database, or lost, is made anew', () =>
  withOwn(async ({ file, open }) => {
    const first = open()
    await first.track([{ name: 'seen', who: { user: '1' } }])
    assert.equal(await counted(first), 1)
    await first.close()

    const columns = (await openDuckDb(file))!
    const nothing = async function* () {}
    await columns.copy('0', '999999999999', { events: nothing(), merged: nothing(), forgotten: nothing() })
    await columns.close()
    const second = open()
    await second.track([{ name: 'seen', who: { user: '2' } }])
    assert.equal(await counted(second), 2)
    await second.close()

    await rm(file)
    const third = open()
    assert.equal(await counted(third), 2)
    await third.close()
  }))

test('only a question takes the file; who was forgotten without it is gone before the next answer', () =>
  withOwn(async ({ file, open }) => {
    const [worker, console_] = [open(), open()]
    await worker.track(['1', '2'].map((user) => ({ name: 'seen', who: { user } })))
    await worker.maintain()
    assert.equal(await worker.forget({ user: '2' }), 1)
    assert.ok(!existsSync(file))
    assert.equal(await counted(console_), 1)
    await worker.track([{ name: 'seen', who: { user: '3' } }])
    assert.equal(await counted(console_), 2)
    await worker.forget({ user: '1' })
    assert.equal(await counted(console_), 1)
    await console_.forget({ user: '3' })
    await console_.maintain()
    assert.equal(await counted(console_), 0)
    await Promise.all([worker.close(), console_.close()])
  }))

test('a copy that takes long is not ended by the limits of the role', () =>
  withOwn(async ({ db }) => {
    let tx: SqlTransaction
    const limits = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']
    const found: string[] = []
    const columns = {
      position: async () => {
        const settings = limits.map((name) => `current_setting('${name}')`).join(', ')
        found.push(...(await tx.query<{ all: string[] }>(`select array[${settings}] as all`)).rows[0]!.all)
        return '0'
      },
      copy: async () => {},
    } as unknown as Columns
    const watched: SystemDatabase = {
      ...db,
      transaction: <T>(fn: (own: SqlTransaction) => Promise<T>) => db.transaction((own) => fn((tx = own))),
    }
    await createFollower(watched, columns).catchUp()
    assert.deepEqual(found, ['0', '0', '0'])
  }))

test('many who were forgotten come in pieces', () =>
  withOwn(async ({ db }) => {
    await db.query('insert into tenfold.analytics_forgotten (person_id) select generate_series(1, 12001)')
    const pieces: number[] = []
    const columns = {
      position: async () => '0',
      copy: async (_from: string, _until: string, { forgotten }: Changes) => {
        for await (const people of forgotten) pieces.push(people.length)
      },
    } as unknown as Columns
    await createFollower(db, columns).catchUp()
    assert.deepEqual(pieces, [5000, 5000, 2001])
  }))

test('numbers of transactions that another cluster gave are forgotten, and nothing is copied again and again', () =>
  withOwn(async ({ db, open }) => {
    const analytics = open()
    await analytics.track(['1', '2', '3'].map((user) => ({ name: 'seen', who: { user } })))
    await analytics.forget({ user: '3' })
    assert.equal(await counted(analytics), 2)
    for (const table of ['analytics_event', 'analytics_forgotten']) {
      await db.query(`update tenfold.${table} set xact = 900000000000`)
    }
    assert.equal(await counted(analytics), 2)
    const { rows } = await db.query<{ xact: string | null }>(
      'select xact from tenfold.analytics_event union all select xact from tenfold.analytics_forgotten',
    )
    assert.deepEqual(
      rows.map(({ xact }) => xact && Number(xact)),
      [null, null, 0],
    )
    await analytics.track([{ name: 'seen', who: { user: '4' } }])
    assert.equal(await counted(analytics), 3)
    await analytics.close()
  }))

test('a file that is none says so, and the engine leaves room for the app', () =>
  withOwn(async ({ file, open }) => {
    await writeFile(file, 'nothing of the kind'.repeat(1000))
    const analytics = open()
    await assert.rejects(counted(analytics), { code: 'TF_ANALYTICS_COLUMNS' })
    await rm(file)
    assert.equal(await counted(analytics), 0)
    await analytics.close()

    const columns = (await openDuckDb(file))!
    const ask = async (name: string) =>
      (await columns.texts({ sql: `select current_setting('${name}')::varchar`, values: [], columns: 1 }))[0]!
    assert.equal(await ask('threads'), String(Math.max(1, Math.floor(availableParallelism() / 2))))
    assert.match(await ask('memory_limit'), /MiB|GiB/)
    const wrong = { sql: 'select * from nowhere', values: [], columns: 1 }
    await assert.rejects(columns.numbers(wrong), { code: 'TF_ANALYTICS_COLUMNS' })
    await columns.close()
  }))

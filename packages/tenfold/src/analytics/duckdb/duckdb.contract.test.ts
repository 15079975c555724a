import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openAnalytics, type Analytics } from '../index.ts'
import { describeAnalyticsContract } from '../testing/index.ts'
import { openDuckDb } from './duckdb.ts'

describeAnalyticsContract('duckdb', async () => {
  const test = await testDatabase({ migrations: [migrations] })
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-duckdb-'))
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  // While a transaction is open, what was stored since it began is copied again and again.
  const over = Promise.withResolvers<void>()
  const held = test.system.transaction(async (tx) => {
    await tx.query('select pg_current_xact_id()')
    await over.promise
  })
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
      over.resolve()
      await held
      await test.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})

test('a copy that is ahead of a restored database, or lost, is made anew', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-duckdb-'))
  const file = join(folder, 'events.duckdb')
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const open = () => openAnalytics({ db: own.system, telemetry, columns: `duckdb:${file}` })
  const dayBefore = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
  const counted = async (analytics: Analytics): Promise<number> => {
    const query = { from: dayBefore(1), to: dayBefore(-1), by: 'day' as const, events: [{ event: 'seen' }] }
    return (await analytics.trend(query)).series[0]!.total
  }
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
  await own.close()
  await rm(folder, { recursive: true, force: true })
})

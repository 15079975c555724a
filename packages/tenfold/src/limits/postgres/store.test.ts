import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import type { TestDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openLimits } from '../index.ts'
import { openPostgresStore } from './store.ts'

describe('the postgres store of rate limits', () => {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  let database: TestDatabase
  before(async () => {
    database = await testDatabase({ migrations: [migrations] })
  })
  after(() => database.close())

  const open = (clock: Clock = systemClock, timeout = 200) =>
    openLimits({ db: database.system, telemetry, clock, timeout })

  /** Makes the table hang for everybody else, as a stuck migration would, until `fn` has ended. */
  const whileHung = (fn: () => Promise<void>): Promise<void> =>
    database.system.transaction(async (tx) => {
      await tx.query('lock table tenfold.rate_limit in access exclusive mode')
      await fn()
    })

  it('L1 counts exactly over processes', async () => {
    const script = new URL('./process.fixture.ts', import.meta.url).pathname
    const { url, app, secretKey, roleMode } = database
    const argument = JSON.stringify({ url, app, secretKey, roleMode, asks: 1000 })
    const processes = [1, 2, 3].map(() => promisify(execFile)(process.execPath, [script, argument]))
    const counts = (await Promise.all(processes)).map(({ stdout }) => Number(stdout))
    const allowed = counts.reduce((sum, count) => sum + count, 0)
    assert.ok(allowed >= 500 && allowed <= 505, `${allowed} were allowed: ${counts.join(' + ')}`)
  })

  it('L6 goes on counting where it was when the store stops answering', async () => {
    const limits = open(systemClock, 20)
    const limiter = limits.define({ name: 'test.midway', windows: [{ max: 5, per: '1h' }] })
    const ask = async (times: number): Promise<number> => {
      let allowed = 0
      for (let i = 0; i < times; i++) if ((await limiter.take('k')).allowed) allowed++
      return allowed
    }
    assert.equal(await ask(4), 4)
    await whileHung(async () => assert.equal(await ask(4), 1))
    await limits.close()
  })

  it('L5 goes by the clock of the database, not by those of the instances', async () => {
    const late: Clock = {
      ...systemClock,
      now: () => Date.now() - 3_600_000,
      elapsed: () => performance.now() - 3_600_000,
    }
    const [one, other] = [open(), open(late)]
    const window = { name: 'test.skew', windows: [{ max: 1, per: '1h' as const }] }
    assert.equal((await one.define(window).take('k')).allowed, true)
    const refused = await other.define(window).take('k')
    assert.equal(refused.allowed, false)
    assert.ok(refused.retryAfterMs > 3_590_000)
    await Promise.all([one.close(), other.close()])
  })

  it('L6 decides without a store that hangs, soon without waiting for it at all, and with it again afterwards', async () => {
    const limits = open()
    const lenient = limits.define({ name: 'test.open', windows: [{ max: 5, per: '1h' }] })
    const strict = limits.define({ name: 'test.closed', windows: [{ max: 5, per: '1h' }], whenAway: 'closed' })
    assert.equal((await lenient.take('before')).by, 'store')
    await whileHung(async () => {
      for (let i = 0; i < 3; i++) assert.equal((await lenient.take(`k${i}`)).by, 'away')
      const start = performance.now()
      const decisions = await Promise.all(Array.from({ length: 20 }, () => lenient.take('k')))
      const refused = await strict.take('k')
      assert.ok(performance.now() - start < 150, 'nobody waited for the store')
      assert.equal(decisions.filter((decision) => decision.allowed).length, 5, 'open: the process counts on its own')
      assert.equal(refused.allowed, false)
      assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs < Infinity)
    })
    const deadline = Date.now() + 20_000
    while ((await lenient.take('after')).by !== 'store') {
      assert.ok(Date.now() < deadline, 'the store was not used again')
      await new Promise((resolve) => setTimeout(resolve, 20))
      await lenient.reset('after')
    }
    await limits.close()
  })

  it('L7 forgets keys that are back at their full allowance, and no others', async () => {
    const store = openPostgresStore({ db: database.system, log: telemetry.log, pruneEvery: 20 })
    await store.take('long', [{ interval: 3_600_000, tolerance: 3_600_000 }], 1)
    for (let i = 0; i < 20; i++) await store.take(`short-${i}`, [{ interval: 1, tolerance: 1 }], 1)
    const left = async () =>
      (
        await database.system.query<{ key: string }>(
          `select key from tenfold.rate_limit where key in ('long') or key like 'short-%'`,
        )
      ).rows
    const deadline = Date.now() + 5000
    while ((await left()).length > 1) {
      assert.ok(Date.now() < deadline, 'they were not pruned')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(await left(), [{ key: 'long' }])
    await store.close()
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SystemDatabase } from '../database/index.ts'
import { testDatabase, ways, type TestDatabase } from '../database/testing/index.ts'
import { systemClock, type Clock, type Service } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import type { Cron, CronDefinition, CronJobRow, CronJobs, CronTick } from './cron.ts'
import { migrations, openCron, timetableOf } from './index.ts'

interface Ticked {
  id: string
  name: string
  tick: CronTick
}

/** A stand-in for the queue: a table in the same database, so that the transaction is the same. */
function tableOfJobs(
  db: SystemDatabase,
): CronJobs & { all(name: string): Promise<Ticked[]>; unfinished: string | undefined } {
  return {
    unfinished: undefined,
    async enqueue(jobs, within) {
      if (this.unfinished !== undefined && jobs[0]!.uniqueKey !== undefined) return [this.unfinished]
      const { rows } = await within.query<{ id: string }>(
        `insert into tenfold.test_job (name, tick) select j ->> 'name', j -> 'payload' from jsonb_array_elements($1::text::jsonb) j returning id::text`,
        [JSON.stringify(jobs)],
      )
      return rows.map((row) => row.id)
    },
    list: async ({ ids }) => ids.map((id): CronJobRow => ({ id, state: 'done', startedAt: 1000, durationMs: 5 })),
    async all(name) {
      const { rows } = await db.query<{ id: string; name: string; tick: CronTick }>(
        'select id::text, name, tick from tenfold.test_job where name = $1 order by test_job.id',
        [`cron:${name}`],
      )
      return rows
    },
  }
}

/** A wall clock that is wrong by `ms`. */
const skewed = (ms: number): Clock => ({ ...systemClock, now: () => systemClock.now() + ms })

/** Stands still on demand, as a process does that was paused. */
function pausable(): Clock & { paused: boolean } {
  const clock = {
    ...systemClock,
    paused: false,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await systemClock.sleep(ms, signal)
      while (clock.paused && !signal?.aborted) await systemClock.sleep(20, signal)
    },
  }
  return clock
}

async function until(what: string, check: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `waited ${ms} ms in vain until ${what}`)
    await systemClock.sleep(20)
  }
}

for (const via of ways())
  describe(`crons on postgres, ${via}`, () => {
    let database: TestDatabase
    let db: SystemDatabase
    let jobs: ReturnType<typeof tableOfJobs>
    const running: Service[] = []

    before(async () => {
      database = await testDatabase({
        via,
        migrations: [
          migrations,
          { module: 'tenfold.test', schema: 'tenfold', directory: new URL('./test.fixtures/', import.meta.url) },
        ],
        maxConnections: 20,
      })
      db = database.system
      jobs = tableOfJobs(db)
    })
    after(() => database.close())

    const open = (crons: CronDefinition[], clock: Clock = systemClock): Cron =>
      openCron({
        db,
        telemetry: createTelemetry({ service: 'test', env: 'test', level: 'silent' }),
        jobs,
        clock,
        crons,
      })

    const start = async (crons: CronDefinition[], clock?: Clock): Promise<Service> => {
      const service = open(crons, clock).schedule()
      await service.start()
      running.push(service)
      return service
    }
    const stopAll = (): Promise<unknown> => Promise.all(running.splice(0).map((service) => service.stop()))

    it('C1 five instances with wrong clocks, one paused and one stopped: one job per tick, and no tick without', async () => {
      const crons = Array.from({ length: 40 }, (_, i) => ({ name: `fast.every-second-${i}`, schedule: '* * * * * *' }))
      const pausing = pausable()
      await start(crons)
      await start(crons, skewed(90_000))
      await start(crons, skewed(-90_000))
      await start(crons, pausing)
      const leaving = await start(crons)
      await until('three ticks are there', async () => (await jobs.all('fast.every-second-0')).length >= 3)
      pausing.paused = true
      running.splice(running.indexOf(leaving), 1)
      await leaving.stop()
      await until('six ticks are there', async () => (await jobs.all('fast.every-second-0')).length >= 6)
      pausing.paused = false
      await until('eight ticks are there', async () => (await jobs.all('fast.every-second-39')).length >= 8)
      await stopAll()
      let total = 0
      for (const { name } of crons) {
        const times = (await jobs.all(name)).map(({ tick }) => tick.fireAt)
        total += times.length
        assert.deepEqual(
          times,
          times.map((_, i) => times[0]! + i * 1000),
          `${name} has a gap, a double or a wrong order`,
        )
        assert.ok(times.every((time) => time % 1000 === 0))
      }
      assert.ok(total >= 320)
      const { rows } = await db.query<{ early: number }>(
        'select count(*)::int as early from tenfold.cron_tick where inserted_at < fire_at',
      )
      assert.equal(rows[0]!.early, 0, 'a tick ran before its time')
      const winners = await db.query(`select distinct instance_id from tenfold.cron_tick`)
      assert.ok(winners.rowCount > 1, 'only one instance ever won: the race was not tried')
    })

    it('C2 a tick whose job cannot be enqueued is not there, and is tried again', async () => {
      let failures = 0
      const failing: CronJobs = {
        ...jobs,
        enqueue: (list, within) => (failures++ < 2 ? Promise.reject(new Error('no')) : jobs.enqueue(list, within)),
      }
      const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
      const crons = [{ name: 'fail.twice', schedule: '* * * * * *' }]
      const service = openCron({ db, telemetry, jobs: failing, crons }).schedule()
      await service.start()
      await until('it is there', async () => (await jobs.all('fail.twice')).length > 0)
      await service.stop()
      const ticks = await db.query('select 1 from tenfold.cron_tick where name = $1', ['fail.twice'])
      assert.ok(failures >= 3)
      assert.equal(ticks.rowCount, (await jobs.all('fail.twice')).length)
    })

    it('C4 after an outage the last missed tick runs once if it is within grace, and not at all if it is not', async () => {
      const minutely = '* * * * *'
      const hourly = '0 * * * *'
      const { rows } = await db.query<{ now: number }>(
        'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
      )
      const minute = Math.floor(rows[0]!.now / 60_000) * 60_000
      for (const [name, schedule] of [
        ['late.within', minutely],
        ['late.beyond', hourly],
      ] as const) {
        await db.query(`insert into tenfold.cron values ($1, $2, 'UTC', now() - interval '3 hours')`, [name, schedule])
      }
      const crons = [
        { name: 'late.within', schedule: minutely, graceMs: 150_000 },
        { name: 'late.beyond', schedule: hourly, graceMs: 1 },
      ]
      const sinceHour = rows[0]!.now % 3_600_000
      await start(crons)
      await start(crons)
      await until('the missed one runs', async () => (await jobs.all('late.within')).length > 0)
      await systemClock.sleep(300)
      await stopAll()
      const within = (await jobs.all('late.within')).map(({ tick }) => tick.fireAt)
      assert.ok(within.length === 1 || within[0] === minute, `${within.length} ran`)
      assert.ok(within[0] === minute || within[0] === minute + 60_000)
      if (sinceHour > 10_000 && sinceHour < 3_590_000) assert.deepEqual(await jobs.all('late.beyond'), [])
    })

    it('C4 late ticks run all, or not at all, as their policy says', async () => {
      for (const name of ['catch.all', 'catch.skip'])
        await db.query(`insert into tenfold.cron values ($1, '* * * * *', 'UTC', now() - interval '3 hours')`, [name])
      const before = Date.now()
      await start([
        { name: 'catch.all', schedule: '* * * * *', graceMs: 300_000, catchUp: 'all' },
        { name: 'catch.skip', schedule: '* * * * *', graceMs: 300_000, catchUp: 'skip' },
      ])
      await until('all ran', async () => (await jobs.all('catch.all')).length >= 5)
      await stopAll()
      const times = (await jobs.all('catch.all')).map(({ tick }) => tick.fireAt)
      assert.deepEqual(
        times,
        times.map((_, i) => times[0]! + i * 60_000),
      )
      const sinceMinute = before % 60_000
      if (sinceMinute > 6000 && sinceMinute < 50_000) assert.deepEqual(await jobs.all('catch.skip'), [])
    })

    it('C7 C8 a tick is left out while the run before is unfinished, and told as missed, like those that nobody saw', async () => {
      await db.query(
        `insert into tenfold.cron values ('over.lap', '* * * * * *', 'UTC', now() - interval '70 seconds')`,
      )
      const crons: CronDefinition[] = [{ name: 'over.lap', schedule: '* * * * * *', overlap: 'skip' }]
      await start(crons)
      await until('it ran', async () => (await jobs.all('over.lap')).length > 0)
      jobs.unfinished = (await jobs.all('over.lap')).at(-1)!.id
      const ran = (await jobs.all('over.lap')).length
      const skipped = async (): Promise<number> =>
        (await db.query(`select 1 from tenfold.cron_tick where name = 'over.lap' and skipped`)).rowCount
      await until('one was left out', async () => (await skipped()) > 0)
      assert.ok((await jobs.all('over.lap')).length <= ran + 1)
      jobs.unfinished = undefined
      await stopAll()
      await db.query(`update tenfold.cron_tick set fire_at = fire_at - interval '61 seconds' where name = 'over.lap'`)
      const missed = await open(crons).missed()
      assert.ok(missed.some(({ reason }) => reason === 'skipped'))
      assert.ok(missed.filter(({ reason }) => reason === 'never').length >= 1)
      assert.ok((await open(crons).list())[0]!.runs.some(({ state }) => state === 'skipped'))
    })

    it('C5 a new cron, and one with a new schedule, has no past', async () => {
      const yearly = { name: 'new.yearly', schedule: '0 0 1 1 *', graceMs: 400 * 86_400_000 }
      await start([yearly])
      await systemClock.sleep(200)
      await stopAll()
      await start([{ ...yearly, schedule: '0 0 1 * *' }])
      await systemClock.sleep(200)
      await stopAll()
      assert.deepEqual(await jobs.all('new.yearly'), [])
    })

    it('C6 schedules that cannot work are refused', () => {
      const refused = (schedule: string, code: string, timeZone?: string): void =>
        assert.throws(() => open([{ name: 'bad.cron', schedule, ...(timeZone && { timeZone }) }]), { code }, schedule)
      refused('0 0 30 2 *', 'TF_CRON_NEVER_FIRES')
      refused('61 * * * *', 'TF_CRON_INVALID')
      refused('hourly', 'TF_CRON_INVALID')
      refused('2030-01-01T00:00:00', 'TF_CRON_INVALID')
      refused('0 0 * * *', 'TF_CRON_INVALID', 'Mars/Base')
      const twice = { name: 'same.name', schedule: '@daily' }
      assert.throws(() => open([twice, twice]), { code: 'TF_CRON_DUPLICATE' })
    })

    it('lists the next time, words and runs, and runs one now', async () => {
      const cron = open([{ name: 'list.me', schedule: '30 2 * * *', timeZone: 'Europe/Berlin' }])
      const { jobId } = await cron.runNow('list.me')
      const [row] = await cron.list()
      assert.equal(row!.description, 'at 02:30')
      assert.ok(row!.nextAt! > Date.now() && row!.nextAt! < Date.now() + 26 * 3_600_000)
      assert.deepEqual(
        row!.runs.map(({ fireAt: _, ...run }) => run),
        [{ jobId, state: 'done', manual: true, startedAt: 1000, durationMs: 5 }],
      )
      assert.deepEqual(
        (await jobs.all('list.me')).map(({ tick }) => tick.manual),
        [true],
      )
      await assert.rejects(cron.runNow('list.you'), { code: 'TF_CRON_UNKNOWN' })
    })
  })

describe('timetables', () => {
  const at = (text: string): number => Date.parse(text)

  it('give the times between two moments, the ends as they should be', () => {
    const seconds = timetableOf({ name: 't', schedule: '* * * * * *' })
    assert.deepEqual(
      seconds.between(1_700_000_000_000, 1_700_000_003_000, 10),
      [1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000],
    )
    assert.deepEqual(seconds.between(1_700_000_000_500, 1_700_000_001_999, 10), [1_700_000_001_000])
    assert.deepEqual(seconds.between(1_700_000_000_000, 1_700_000_009_000, 2), [1_700_000_008_000, 1_700_000_009_000])
    assert.equal(seconds.after(1_700_000_000_000), 1_700_000_001_000)
  })

  it('follow daylight saving: once in the gap, once when it comes twice', () => {
    const night = timetableOf({ name: 't', schedule: '30 2 * * *', timeZone: 'Europe/Berlin' })
    const spring = night.between(at('2026-03-28T12:00Z'), at('2026-03-30T12:00Z'), 10)
    assert.deepEqual(spring, [at('2026-03-29T01:00Z'), at('2026-03-30T00:30Z')])
    const autumn = night.between(at('2026-10-24T12:00Z'), at('2026-10-26T12:00Z'), 10)
    assert.deepEqual(autumn, [at('2026-10-25T00:30Z'), at('2026-10-26T01:30Z')])
  })
})

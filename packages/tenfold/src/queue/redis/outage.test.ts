import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { testDatabase, type TestDatabase } from '../../database/testing/index.ts'
import { openRedis, type Redis } from '../../redis/index.ts'
import { startTestRedis, type TestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openEngines, openQueue } from '../index.ts'
import type { NewJob, RunningJob } from '../queue.ts'
import { gate, recorder, until, withWorker } from '../testing/harness.ts'
import { envelopeOf, forwarder } from './outbox.ts'
import { createHeld } from './held.ts'
import { createProducer, loadBull } from './producer.ts'

type Engines = Awaited<ReturnType<typeof openEngines>>
const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })

describe('jobs on redis when a server is away', () => {
  let db: TestDatabase
  let server: TestRedis
  let redis: Redis
  let queue: Engines
  before(async () => {
    const orders = { module: 'orders', schema: 'orders', directory: '/nowhere' }
    db = await testDatabase({ migrations: [migrations, orders] })
    server = await startTestRedis()
    redis = await openRedis({ url: server.url, telemetry, timeoutMs: 500 })
    queue = await openEngines({
      db: db.system,
      telemetry,
      redis,
      prefix: 'test',
      engineOf: (name) => (name.startsWith('pg.') ? 'postgres' : 'redis'),
    })
  })
  after(async () => {
    await queue.close()
    await redis.close()
    await server.stop()
    await db.close()
  })

  it('what is enqueued while Redis is away waits in Postgres, and runs once when it is back', async () => {
    const { handler, runs } = recorder()
    await withWorker(queue, { 'away.detour': handler }, async () => {
      await server.kill()
      const [alone] = await queue.enqueue([{ name: 'away.detour', payload: 1 }])
      const [within] = await db.database
        .module('orders')
        .transaction((tx) => queue.enqueue([{ name: 'away.detour', payload: 2 }], tx))
      assert.deepEqual(
        (await queue.list({ name: 'away.detour' })).map((row) => [row.id, row.name]),
        [within, alone].map((id) => [id, 'away.detour']),
      )
      assert.equal((await queue.get(alone!))!.payload, 1)
      const { waiting, delayed } = (await queue.summary()).find((row) => row.name === 'away.detour')!
      assert.equal(waiting + delayed, 2, 'delayed until it is tried again')
      assert.equal(runs.length, 0)
      await server.start()
      await until('both ran', () => runs.length === 2, 20_000)
      await until('both are done', async () => (await queue.list({ name: 'away.detour', state: 'done' })).length === 2)
      assert.deepEqual(runs.map((run) => run.id).sort(), [alone!, within!].sort())
    })
  })

  it('no acknowledged job is lost when Redis is killed again and again', async () => {
    const { handler, runs } = recorder()
    await withWorker(
      queue,
      { 'away.kills': handler },
      async () => {
        const ids: string[] = []
        let more = true
        const enqueue = async (): Promise<void> => {
          while (more) {
            ids.push(...(await queue.enqueue([{ name: 'away.kills' }])))
            if (ids.length % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
          }
        }
        const callers = Promise.all(Array.from({ length: 5 }, enqueue))
        for (let kills = 1; kills <= 3; kills++) {
          const enough = ids.length + 100
          await until('some are enqueued', () => ids.length > enough)
          await server.kill()
          await server.start()
          await until('it is back', () => redis.ready())
        }
        more = false
        await callers
        const ran = (): Set<string> => new Set(runs.map((run) => run.id))
        await until('all ran', () => ran().size >= ids.length, 30_000)
        assert.deepEqual([...ran()].sort(), [...new Set(ids)].sort())
        const twice = runs.length - ran().size
        assert.ok(twice <= 3 * 10, `${twice} ran twice, though only 10 ran at a time`)
      },
      { leaseMs: 1000 },
    )
  })

  for (const [what, lose] of [
    ['is emptied', () => server.flush()],
    ['fails with the last writes not on its disk', () => server.kill(20_000).then(() => server.start())],
  ] as const) {
    it(`what was enqueued in a transaction runs when Redis ${what}`, async () => {
      const name = `lost.${what.length}`
      const ending = gate()
      const { handler, runs } = recorder(() => ending.opened)
      await withWorker(
        queue,
        { [name]: handler },
        async () => {
          const jobs = Array.from({ length: 60 }, (_, payload) => ({ name, payload }))
          const ids = await db.database.module('orders').transaction((tx) => queue.enqueue(jobs, tx))
          const held = async (): Promise<string[]> => {
            const sql = 'select id::text from tenfold.redis_held where name = $1 order by id'
            return (await db.system.query<{ id: string }>(sql, [name])).rows.map(({ id }) => id)
          }
          await until('all are handed over', async () => {
            const found = await queue.list({ name, limit: 500 })
            return found.filter(({ state }) => state === 'waiting').length === 59 && (await held()).length === 60
          })
          assert.ok(runs.length >= 1)
          await queue.pause(`${name}.held`)
          await lose()
          await until('it is back', () => redis.ready())
          ending.open()
          const ran = (): Set<string> => new Set(runs.map(({ id }) => id))
          await until('all ran', () => ran().size === 60, 30_000)
          assert.deepEqual([...ran()].sort(), [...ids].sort())
          assert.ok(runs.length <= 70, `${runs.length - 60} ran twice, though only one ran when it happened`)
          await until('none is held', async () => (await held()).length === 0)
          assert.equal(await redis.command('hexists', `test:${name}.held:meta`, 'paused'), 1, 'told again')
        },
        { leaseMs: 1000, concurrency: 1 },
      )
    })
  }

  it('a name is paused in both servers or in none, and Redis is told again of what it has missed', async () => {
    await server.kill()
    await until('it is gone', () => !redis.ready())
    const before = await queue.paused()
    await assert.rejects(queue.pause('away.paused'), { code: 'TF_REDIS_AWAY' })
    for (const { name } of before) await assert.rejects(queue.resume(name), { code: 'TF_REDIS_AWAY' })
    assert.deepEqual(await queue.paused(), before)
    await server.start()
    await until('it is back', () => redis.ready())
    const isPaused = async (name: string): Promise<boolean> =>
      (await redis.command('hexists', `test:${name}:meta`, 'paused')) === 1
    await withWorker(queue, { 'away.idle': async () => {} }, () =>
      until('this start of Redis is known', async () => {
        const info = await redis.command<string>('info', 'server')
        return info.includes(`run_id:${await redis.command('get', 'test:tenfold:epoch')}`)
      }),
    )
    await queue.enqueue([{ name: 'away.forgotten', delay: 60_000 }])
    await queue.pause('away.forgotten')
    const plain = openQueue({ db: db.system, telemetry })
    await plain.pause('away.unheard')
    await plain.resume('away.forgotten')
    await plain.close()
    await withWorker(queue, { 'away.idle': async () => {} }, async () => {
      await until('it was told of the one', () => isPaused('away.unheard'))
      await until('it was told of the other', async () => !(await isPaused('away.forgotten')))
    })
    await queue.resume('away.unheard')
  })

  it('a job that is gone waits for no event any more', async () => {
    const listed = (id: string): Promise<number> => redis.command('hexists', 'test:tenfold:waits', id)
    const run = (job: RunningJob): Promise<unknown> => job.waitForEvent({ event: 'billing.paid', timeoutMs: 60_000 })
    await redis.command('hset', 'test:tenfold:waits', '4712', '{"name":"away.waits","id":"4712","since":0}')
    await withWorker(queue, { 'away.waits': run }, async () => {
      const [id] = await queue.enqueue([{ name: 'away.waits' }])
      await until('it waits', async () => (await queue.get(id!))!.state === 'delayed' && (await listed(id!)) === 1)
      assert.equal(await queue.discard(id!), true)
      assert.equal(await listed(id!), 0)
      await until('one that was gone before is forgotten', async () => (await listed('4712')) === 0)
    })
  })

  it('a dead letter that was cancelled a moment too late runs when it is retried', async () => {
    const producer = createProducer(await loadBull(), redis, 'test', telemetry)
    let broken = true
    const { handler, runs } = recorder(async () => {
      if (broken) throw new Error('broken')
    })
    await withWorker(queue, { 'away.cancelled': handler }, async () => {
      const [id] = await queue.enqueue([{ name: 'away.cancelled', payload: 7, maxAttempts: 1 }])
      await until('it is dead', async () => (await queue.get(id!))!.state === 'dead')
      const job = (await producer.queue('away.cancelled').getJob(`j${id}`))!
      await job.updateData({ ...(job.data as object), cancel: 'too late' })
      await redis.command('hset', 'test:tenfold:cancels', id!, 'too late')
      broken = false
      assert.equal(await queue.retry(id!), true)
      await until('it is done', async () => (await queue.get(id!))!.state === 'done')
      assert.equal(await redis.command('hexists', 'test:tenfold:cancels', id!), 0)
    })
    assert.deepEqual(
      runs.map(({ payload }) => payload),
      [7, 7],
    )
    await producer.close()
  })

  it('a held job is discarded in both servers, or stays where it is', async () => {
    let refuses = false
    const sql = db.system
    const failing = await openEngines({
      db: {
        ...sql,
        query: (text, values) =>
          refuses && /delete from tenfold.redis_held/.test(text)
            ? Promise.reject(new Error('no Postgres'))
            : sql.query(text, values),
      },
      telemetry,
      redis,
      prefix: 'test',
      engineOf: () => 'redis',
    })
    const isHeld = async (id: string): Promise<boolean> =>
      (await sql.query('select from tenfold.redis_held where id = $1::bigint', [id])).rowCount === 1
    const ending = gate()
    const { handler, runs } = recorder(() => ending.opened)
    await withWorker(
      failing,
      { 'away.discarded': handler },
      async () => {
        const name = 'away.discarded'
        const jobs = [{ name }, { name, payload: 2 }]
        const ids = await db.database.module('orders').transaction((tx) => failing.enqueue(jobs, tx))
        await until('both are handed over', async () => (await isHeld(ids[0]!)) && (await isHeld(ids[1]!)))
        await until(
          'one runs',
          async () => runs.length === 1 && (await failing.list({ name, state: 'waiting' })).length === 1,
        )
        const running = runs[0]!.id
        const waiting = ids.find((id) => id !== running)!
        assert.equal(await failing.discard(running), false)
        assert.equal(await isHeld(running), true)
        refuses = true
        await assert.rejects(failing.discard(waiting), /no Postgres/)
        refuses = false
        assert.equal((await failing.get(waiting))!.state, 'waiting')
        assert.equal(await failing.discard(waiting), true)
        assert.deepEqual([await failing.get(waiting), await isHeld(waiting)], [undefined, false])
        ending.open()
      },
      { concurrency: 1 },
    )
    assert.equal(runs.length, 1)
    await failing.close()
  })

  it('a job that has run does not run again when Redis has lost the word of it', async () => {
    const producer = createProducer(await loadBull(), redis, 'test', telemetry)
    const { handler, runs } = recorder()
    const [id] = await db.database.module('orders').transaction((tx) => queue.enqueue([{ name: 'away.ran' }], tx))
    await withWorker(queue, { 'away.ran': handler }, () =>
      until('it is done', async () => (await queue.get(id!))!.state === 'done'),
    )
    // As an AOF that lacks its last second leaves it: waiting.
    const before = producer.queue('away.ran')
    const { data, opts } = (await before.getJob(`j${id}`))!
    await (await before.getJob(`j${id}`))!.remove()
    await before.add('away.ran', data, { ...opts, jobId: `j${id}` } as Parameters<typeof before.add>[2])
    assert.equal((await queue.get(id!))!.state, 'waiting')
    await withWorker(queue, { 'away.ran': handler }, () =>
      until('it is done again', async () => (await queue.get(id!))!.state === 'done'),
    )
    assert.equal(runs.length, 1)
    await producer.close()
  })

  it('handing a job over twice adds it once, and not again when it has run', async () => {
    const producer = createProducer(await loadBull(), redis, 'test', telemetry)
    const held = createHeld(db.system, redis, 'test', telemetry)
    const [id] = await queue.enqueue([{ name: 'away.unknown', payload: { n: 1 } }])
    const job: NewJob = { name: 'away.twice', payload: { n: 1 }, maxAttempts: 3 }
    const hand = forwarder('away.twice', { producer, held, retries: new Map() })
    const plain = openQueue({ db: db.system, telemetry })
    const [outbox] = await plain.enqueue([envelopeOf(job)])
    const row = { id: outbox, payload: envelopeOf(job).payload, traceparent: undefined } as unknown as RunningJob
    await hand(row)
    await hand(row)
    const added = async (): Promise<unknown> => (await producer.queue('away.twice').getJob(`j${outbox}`))?.opts.attempts
    assert.equal(await added(), 3)
    // It runs, is forgotten by BullMQ, and only then the first one hears that its lease was lost.
    await held.release(outbox!)
    await (await producer.queue('away.twice').getJob(`j${outbox}`))!.remove()
    await hand(row)
    assert.deepEqual([await added(), await held.has(outbox!)], [undefined, false])
    assert.equal(await plain.discard(outbox!), true)
    await hand(row)
    assert.deepEqual([await added(), await held.has(outbox!)], [undefined, false], 'another finished the row')
    await plain.close()
    const late = { ...row, payload: envelopeOf({ name: 'away.unknown' }, id).payload } as unknown as RunningJob
    await forwarder('away.unknown', { producer, held, retries: new Map() })(late)
    assert.equal(await held.take(id!), undefined, 'it had arrived by itself, and its run releases nothing')
    assert.equal(await queue.discard(id!), true)
    await producer.close()
  })

  it('each job lies in its engine, and both are seen as one queue', async () => {
    const { handler, runs } = recorder()
    const ids = await queue.enqueue([{ name: 'pg.one' }, { name: 'mixed.one' }, { name: 'pg.two', delay: 60_000 }])
    assert.deepEqual(
      (await queue.list({ ids })).map((row) => row.name),
      ['mixed.one', 'pg.two', 'pg.one'],
    )
    const plain = openQueue({ db: db.system, telemetry })
    assert.equal((await plain.list({ ids })).length, 2)
    await plain.close()
    await withWorker(queue, { 'pg.one': handler, 'mixed.one': handler }, () =>
      until('both ran', () => runs.length === 2),
    )
    assert.deepEqual(
      (await queue.summary())
        .filter(({ name }) => /^(pg|mixed)\./.test(name))
        .map((row) => [row.name, row.doneLastHour, row.delayed]),
      [
        ['mixed.one', 1, 0],
        ['pg.one', 1, 0],
        ['pg.two', 0, 1],
      ],
    )
    assert.equal(await queue.discard(ids[2]!), true)
  })

  it('jobs that lie in Postgres from before their name moved to Redis run', async () => {
    const plain = openQueue({ db: db.system, telemetry })
    const [id] = await plain.enqueue([{ name: 'moved.here' }])
    await plain.close()
    const { handler, runs } = recorder()
    await withWorker(queue, { 'moved.here': handler }, () => until('it ran', () => runs.length === 1))
    assert.equal(runs[0]!.id, id)
  })

  it('refuses what Redis cannot keep, before anything is written', async () => {
    const refused = queue.enqueue([{ name: 'pg.first' }, { name: 'away.limited', concurrency: { key: 'k', limit: 1 } }])
    await assert.rejects(refused, { code: 'TF_JOB_ENGINE', message: /concurrency per key/ })
    assert.deepEqual(await queue.list({ name: 'pg.first' }), [])
    await assert.rejects(queue.enqueue([{ name: 'away.large', payload: 'x'.repeat(262_150) }]), {
      code: 'TF_JOB_PAYLOAD_TOO_LARGE',
    })
  })

  it('the limit of a payload is the same on both engines, encrypted or not, and on the way through Postgres', async () => {
    const sealing = await openEngines({
      db: db.system,
      telemetry,
      redis,
      prefix: 'test',
      engineOf: (name) => (name.startsWith('pg.') ? 'postgres' : 'redis'),
      secrets: ['a secret'],
    })
    const sizes = new Map<string, number>()
    const run = async ({ name, payload }: RunningJob): Promise<void> => void sizes.set(name, (payload as string).length)
    const largest = 'x'.repeat(262_142)
    await withWorker(
      sealing,
      { 'large.plain': run, 'large.sealed': run, 'pg.large': run, 'pg.sealed': run },
      async () => {
        await db.database.module('orders').transaction((tx) =>
          sealing.enqueue(
            [
              { name: 'large.plain', payload: largest },
              { name: 'large.sealed', payload: largest, encrypt: true },
              { name: 'pg.large', payload: largest },
              { name: 'pg.sealed', payload: largest, encrypt: true },
            ],
            tx,
          ),
        )
        await until('all ran', () => sizes.size === 4)
      },
    )
    assert.deepEqual([...new Set(sizes.values())], [262_142])
    for (const name of ['pg.large', 'large.plain'])
      for (const encrypt of [false, true])
        await assert.rejects(sealing.enqueue([{ name, payload: `${largest}x`, encrypt }]), {
          code: 'TF_JOB_PAYLOAD_TOO_LARGE',
        })
    await sealing.close()
  })

  it('a worker stops while Redis is away', async () => {
    const worker = queue.work({ handlers: new Map([['away.stop', async () => {}]]), stopTimeoutMs: 200 })
    await worker.start()
    await server.kill()
    const started = Date.now()
    await worker.stop()
    assert.ok(Date.now() - started < 6000, `took ${Date.now() - started} ms`)
    await server.start()
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SystemDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations } from '../index.ts'
import { gate, recorder, until, withWorker } from '../testing/harness.ts'
import { openPostgresQueue, type PostgresQueue } from './queue.ts'

describe('jobs that are enqueued beside an idle worker', () => {
  let test: Awaited<ReturnType<typeof testDatabase>>
  const queues: PostgresQueue[] = []
  const open = (query = test.system.query): PostgresQueue => {
    const listen = (): Promise<never> => Promise.reject(new Error('no session here'))
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const queue = openPostgresQueue({ db: { ...test.system, query, listen }, telemetry })
    queues.push(queue)
    return queue
  }
  before(async () => {
    test = await testDatabase({ migrations: [migrations] })
  })
  after(async () => {
    await Promise.all(queues.map((queue) => queue.close()))
    await test.close()
  })

  /** A queue that lets one kind of statement through only after `before`, and gives its answer only after `after`. */
  const openWith = (text: string, { before: wait, after: then }: Record<string, () => void | Promise<void>>) =>
    open((async (statement: string, values?: unknown[]) => {
      const meant = statement.includes(text)
      if (meant) await wait?.()
      const answer = await test.system.query(statement, values)
      if (meant) await then?.()
      return answer
    }) as SystemDatabase['query'])

  const stateOf = async (queue: PostgresQueue, id: string): Promise<string> => (await queue.get(id))!.state

  const runOne = async (queue: PostgresQueue, name: string): Promise<void> => {
    const [id] = await queue.enqueue([{ name }])
    await until('it is done', async () => (await stateOf(queue, id!)) === 'done')
  }

  it('begin without a claim', async () => {
    let held: ReturnType<typeof gate> | undefined
    const queue = openWith('queue_exchange', { before: async () => held?.opened })
    const { handler, runs } = recorder()
    const payload = { b: 1, a: [true, null, 'ü'] }
    await withWorker(queue, { 'take.begin': handler }, async () => {
      // Now and then the worker is just looking for jobs: then they are claimed as usual.
      for (let tries = 0; ; tries++) {
        assert.ok(tries < 20, 'none of 20 jobs was begun while nothing could be claimed')
        await runOne(queue, 'take.begin')
        held = gate()
        const [id] = await queue.enqueue([{ name: 'take.begin', payload, maxAttempts: 1 }])
        const begun = runs.some((job) => job.id === id)
        const state = await stateOf(queue, id!)
        held.open()
        await until('it is done', async () => (await stateOf(queue, id!)) === 'done')
        if (!begun) continue
        const job = runs.find((one) => one.id === id)!
        assert.deepEqual([state, job.payload, job.attempt, job.lastAttempt], ['running', payload, 1, true])
        break
      }
    })
    assert.equal(new Set(runs.map((job) => job.id)).size, runs.length)
  })

  it('begin once, though the answer of the statement that leased them was lost', async () => {
    let losses = 0
    const queue = openWith('enqueue_begun', {
      after() {
        if (losses++ < 3) throw Object.assign(new Error('connection lost'), { code: '08006' })
      },
    })
    const { handler, runs } = recorder()
    await withWorker(queue, { 'take.lost': handler }, async () => {
      let refused = 0
      for (let tries = 0; losses < 3; tries++) {
        assert.ok(tries < 60, 'the worker was offered nothing')
        await queue.enqueue([{ name: 'take.lost', payload: tries }]).catch(() => refused++)
        await until('all are done', async () => {
          const rows = await queue.list({ name: 'take.lost', limit: 500 })
          return rows.length === tries + 1 && rows.every(({ state }) => state === 'done')
        })
      }
      assert.equal(refused, 3)
    })
    assert.equal(new Set(runs.map((job) => job.id)).size, runs.length, 'one ran twice')
    const rows = await queue.list({ name: 'take.lost', limit: 500 })
    assert.deepEqual(
      rows.filter(({ attempt }) => attempt !== 1),
      [],
      'to lose an answer cost an attempt',
    )
  })

  it('are not begun before those that others enqueued and that are more urgent', async () => {
    const queue = open()
    const other = open()
    const { handler, runs } = recorder()
    await withWorker(
      queue,
      { 'take.urgent': handler },
      async () => {
        for (let tries = 0; tries < 5; tries++) {
          await runOne(queue, 'take.urgent')
          const begun = runs.length
          const [urgent] = await other.enqueue([{ name: 'take.urgent', priority: 5 }])
          const [usual] = await queue.enqueue([{ name: 'take.urgent' }])
          await until('both ran', () => runs.length === begun + 2)
          assert.deepEqual(
            runs.slice(begun).map((job) => job.id),
            [urgent, usual],
          )
        }
      },
      { concurrency: 1 },
    )
  })

  it('are not begun when their name was paused elsewhere', async () => {
    const queue = open()
    const other = open()
    const { handler, runs } = recorder()
    await withWorker(queue, { 'take.paused': handler }, async () => {
      await runOne(queue, 'take.paused')
      await other.pause('take.paused')
      const ids = await Promise.all(Array.from({ length: 5 }, () => queue.enqueue([{ name: 'take.paused' }])))
      assert.equal(runs.length, 1)
      assert.deepEqual(
        (await queue.list({ ids: ids.flat() })).map(({ state }) => state),
        ids.map(() => 'waiting'),
      )
      await other.resume('take.paused')
      await until('they run', () => runs.length === 6)
    })
  })

  it('are left to a claim when hundreds of other names wait before them', async () => {
    const queue = open()
    const { rows: workers } = await test.system.query<{ id: string }>(
      `insert into tenfold.worker (instance_id, leased_until) values ('far', now() + interval '1 minute') returning id`,
    )
    const begin = async (): Promise<number> => {
      const { rows } = await test.system.query<{ begun: number }>(
        `select cardinality(begun) as begun from tenfold.enqueue_begun(array['take.far'], array[0, 10, 60000, 1000, 60000], array[1],
           array[null]::text[], '[1]', array[1], 0, $1::bigint, array['take.far'], -5, 9000000000)`,
        [workers[0]!.id],
      )
      await test.system.query(`delete from tenfold.job where name = 'take.far'`)
      return rows[0]!.begun
    }
    const others = (count: number, priority: number) =>
      queue.enqueue(Array.from({ length: count }, () => ({ name: 'take.others', priority })))
    await others(150, 6)
    await others(150, 4)
    assert.equal(await begin(), 1, 'a few hinder nobody')
    await others(50, 6)
    assert.equal(await begin(), 0, '200 of a more urgent rank')
    await test.system.query(`delete from tenfold.job where name = 'take.others' and rank = -6`)
    assert.equal(await begin(), 1)
    await others(50, 4)
    assert.equal(await begin(), 0, '200 behind the place where claims begin')
    await test.system.query(`delete from tenfold.job where name = 'take.others'`)
  })
})

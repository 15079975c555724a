import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SystemDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations } from '../index.ts'
import { gate, quiet, recorder, until, withWorker } from '../testing/harness.ts'
import { PAGE_VERSION } from './many.ts'
import { openPostgresQueue, type PostgresQueue } from './queue.ts'
import { SWEEP } from './statements.ts'

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

  /** How many jobs of a name are leased, and how many wait. */
  const countOf = async (name: string, which = 'true'): Promise<{ leased: number; ready: number }> => {
    const { rows } = await test.system.query<{ leased: number; ready: number }>(
      `select count(*) filter (where state = 'leased')::int as leased, count(*) filter (where state = 'ready')::int as ready
       from tenfold.job where name = $1 and ${which}`,
      [name],
    )
    return rows[0]!
  }

  it('begin once, though another such answer is lost in the very turn in which the worker reports', async () => {
    const answers = new Map<unknown, { opened: Promise<void>; lost: boolean }>()
    const held = new Set<unknown>()
    const queue = open((async (statement: string, values: unknown[]) => {
      const answer = await test.system.query(statement, values)
      const payload = statement.includes('enqueue_begun') ? values[4] : undefined
      const hold = answers.get(payload)
      if (!hold) return answer
      held.add(payload)
      await hold.opened
      if (hold.lost) throw Object.assign(new Error('connection lost'), { code: '08006' })
      return answer
    }) as SystemDatabase['query'])
    const [reported, lost, late] = [gate(), gate(), gate()]
    const { handler, runs } = recorder(async ({ payload }) => {
      if (payload !== 'first') return
      await reported.opened
      // In the same turn of the event loop, when the worker has already decided to report this job.
      void (async () => {
        for (let step = 0; step < 200; step++) await Promise.resolve()
        lost.open()
      })()
    })
    const begunOf = async (payload: string, hold?: { opened: Promise<void>; lost: boolean }): Promise<void> => {
      for (let tries = 0; ; tries++) {
        assert.ok(tries < 50, 'the worker was offered nothing')
        const written = `["${payload}${tries}"]`.replace('first0', 'first')
        if (hold) answers.set(written, hold)
        const enqueued = queue.enqueue([{ name: 'take.turn', payload: JSON.parse(written)[0] }])
        enqueued.catch(() => {})
        if (!hold) {
          await until('it runs', () => runs.some((job) => job.payload === 'first'))
          return
        }
        let settled = false
        void enqueued.finally(() => (settled = true)).catch(() => {})
        await until('it is enqueued', () => settled || held.has(written))
        if (held.has(written)) return
      }
    }
    await withWorker(
      queue,
      { 'take.turn': handler },
      async () => {
        await begunOf('first')
        await begunOf('lost', { opened: lost.opened, lost: true })
        await begunOf('late', { opened: late.opened, lost: false })
        reported.open()
        await lost.opened
        await quiet(300)
        late.open()
        await until('all are done', async () =>
          (await queue.list({ name: 'take.turn', limit: 500 })).every(({ state }) => state === 'done'),
        )
      },
      { concurrency: 10 },
    )
    assert.equal(new Set(runs.map((job) => job.id)).size, runs.length, 'one ran twice')
    assert.equal(runs.length, (await queue.list({ name: 'take.turn', limit: 500 })).length)
  })

  it('are dropped if the answer that brings them comes after the lease was lost', async () => {
    let claimed: string | undefined
    const answered = gate()
    const queue = open((async (statement: string, values: unknown[]) => {
      const answer = await test.system.query<{ names: string | null }>(statement, values)
      if (claimed !== undefined || !statement.includes('queue_exchange') || !answer.rows[0]!.names) return answer
      claimed = String(values[4])
      await answered.opened
      return answer
    }) as SystemDatabase['query'])
    const { handler, runs } = recorder()
    await withWorker(
      queue,
      { 'take.swept': handler },
      async () => {
        const [id] = await open().enqueue([{ name: 'take.swept' }])
        await until('its claim has no answer', () => claimed !== undefined)
        // What others do with a worker that no longer answers.
        await test.system.transaction(async (tx) => {
          await tx.query(SWEEP.free, [[claimed]])
          await tx.query(SWEEP.forget, [[claimed]])
        })
        await until('there is a new lease', async () => {
          const { rows } = await test.system.query('select from tenfold.worker where id > $1::bigint', [claimed])
          return rows.length > 0
        })
        answered.open()
        await until('it is done', async () => (await stateOf(queue, id!)) === 'done')
      },
      { leaseMs: 3000 },
    )
    assert.equal(runs.length, 1, 'it ran under the lost lease as well')
  })

  it('take no place that was promised to a claim, nor the other way round', async () => {
    const { handler: slow, runs: warm } = recorder(() => quiet(300))
    let holding = ''
    let begun = false
    let answered = gate()
    const queue = open((async (statement: string, values: unknown[]) => {
      const answer = await test.system.query<{ names?: string | null; begun?: string }>(statement, values)
      if (holding === '' || !statement.includes(holding)) return answer
      if (holding === 'queue_exchange' ? answer.rows[0]!.names === null : answer.rows[0]!.begun === '{}') return answer
      holding = ''
      begun = true
      await answered.opened
      return answer
    }) as SystemDatabase['query'])
    const finish = { open: (): void => {} }
    const { handler, runs } = recorder(() => new Promise<void>((resolve) => (finish.open = resolve)))
    const other = open()
    const elsewhere = recorder()
    await withWorker(
      queue,
      { 'take.slow': slow, 'take.place': handler },
      async () => {
        await queue.enqueue([{ name: 'take.slow' }])
        await until('it knows that jobs are slow', () => warm.length === 1)
        await until('that one is done', async () => (await countOf('take.slow')).leased === 0)
        // First the claim, whose answer comes after one job has begun.
        holding = 'queue_exchange'
        const [claimed] = await other.enqueue([{ name: 'take.place' }])
        await until('it is claimed', () => begun)
        const [own] = await queue.enqueue([{ name: 'take.place' }])
        await until(
          'the own one begins, or waits',
          async () => runs.length === 1 || (await countOf('take.place')).ready === 1,
        )
        answered.open()
        await until('one of them is free', async () => (await countOf('take.place')).ready === 1)
        assert.deepEqual((await countOf('take.place')).leased, 1)
        await withWorker(other, { 'take.place': elsewhere.handler }, () =>
          until('it ran elsewhere', () => elsewhere.runs.length === 1),
        )
        assert.deepEqual(new Set([...runs, ...elsewhere.runs].map((job) => job.id)), new Set([claimed, own]))
        assert.equal(elsewhere.runs[0]!.attempt, 1, 'to be given back cost an attempt')
        finish.open()
        await until('the own one is done', async () => (await countOf('take.place')).leased === 0)
        // Then a job whose statement has no answer yet: nothing is claimed for its place.
        answered = gate()
        begun = false
        for (let tries = 0; !begun; tries++) {
          assert.ok(tries < 20, 'the worker was offered nothing')
          const before = runs.length
          holding = 'enqueue_begun'
          void queue.enqueue([{ name: 'take.place' }])
          await until('it is begun, or claimed', () => begun || runs.length > before)
          if (begun) break
          finish.open()
          await until('it is done', async () => (await countOf('take.place')).leased === 0)
        }
        const ran = runs.length
        await other.enqueue([{ name: 'take.place' }])
        await quiet(1200)
        assert.deepEqual(await countOf('take.place'), { leased: 1, ready: 1 })
        await withWorker(other, { 'take.place': elsewhere.handler }, () =>
          until('it ran elsewhere', () => elsewhere.runs.length === 2),
        )
        answered.open()
        await until('the own one runs', () => runs.length === ran + 1)
        finish.open()
      },
      { concurrency: 1 },
    )
  })

  it('are left to others when they come in pages that are more than a tenth of a second of work', async () => {
    const queue = open()
    const { handler, runs } = recorder(() => quiet(5))
    const page = async (n: number): Promise<void> => {
      const count = 30
      await test.system.query(
        `with page as (select nextval('tenfold.job_seq') as id, array(select nextval('tenfold.job_seq') from generate_series(1, $1::int)) as ids)
         insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms, payload,
                                  version, extra)
           select id, id, 'take.pages', 'ready', 0, now(), now(), 3, 60000, 1000, 60000,
             jsonb_build_object('events', $2::jsonb, 'ids', to_jsonb(ids)), ${PAGE_VERSION}, jsonb_build_object('many', $1::int) from page`,
        [
          count,
          JSON.stringify(
            Array.from({ length: count }, (_, i) => ({ eventId: `${n}`, event: 'e', publishedAt: 1, payload: i })),
          ),
        ],
      )
    }
    await withWorker(
      queue,
      { 'take.pages': handler },
      async () => {
        await queue.enqueue(Array.from({ length: 60 }, () => ({ name: 'take.pages' })))
        await until('it knows that they are short', () => runs.length === 60)
        await Promise.all(Array.from({ length: 10 }, (_, n) => page(n)))
        await until('nine in ten are free for others', async () => {
          const { leased, ready } = await countOf('take.pages', 'extra is not null')
          return leased === 1 && ready >= 5
        })
        await until('all ran', () => runs.length === 360, 30_000)
        await until('all are done', async () => (await countOf('take.pages')).leased === 0)
      },
      { concurrency: 1 },
    )
    assert.equal(new Set(runs.map((job) => job.id)).size, 360, 'one ran twice')
  })
})

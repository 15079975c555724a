import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SystemDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { JobSealed } from '../errors.ts'
import { migrations } from '../index.ts'
import type { EventDelivery, JobHandler, RunningJob } from '../queue.ts'
import { gate, until, withWorker } from '../testing/harness.ts'
import { openPostgresQueue, type PostgresQueue } from './queue.ts'
import { EXCHANGE, RECONCILE } from './statements.ts'

const EVENTS = 100

describe('a crowd of events', () => {
  let db: Awaited<ReturnType<typeof testDatabase>>
  let queue: PostgresQueue
  before(async () => {
    db = await testDatabase({ migrations: [migrations] })
    queue = open()
  })
  after(async () => {
    await queue.close()
    await db.close()
  })

  const open = (system = db.system): PostgresQueue =>
    openPostgresQueue({
      db: system,
      telemetry: createTelemetry({ service: 'test', env: 'test', level: 'silent' }),
    })

  /** Relays a crowd to one subscriber, and leaves it waiting. */
  async function crowd(job: string, payloadOf: (n: number) => object = (n) => ({ n })): Promise<void> {
    const event = `${job}.came`
    await queue.publish(Array.from({ length: EVENTS }, (_, n) => ({ name: event, payload: payloadOf(n) })))
    const relay = queue.relay({
      subscriptions: new Map([[event, [{ job, timeoutMs: 0, backoff: { baseMs: 20 } }]]]),
    })
    await relay.start()
    await until('the crowd waits', async () => (await waiting(job)) === EVENTS)
    await relay.stop()
  }

  const waiting = async (job: string): Promise<number> =>
    (await queue.summary()).find(({ name }) => name === job)?.waiting ?? 0

  const numberOf = ({ payload }: { payload: unknown }): number =>
    ((payload as EventDelivery).payload as { n: number }).n

  const aborted = ({ signal }: RunningJob): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

  it('counts apart what waits for a limit of its own', async () => {
    const two = (name: string, limits: object) => [1, 2].map(() => ({ name, ...limits }))
    await queue.enqueue([
      ...two('many.keyed', { concurrency: { key: 'k', limit: 1 } }),
      ...two('many.rated', { rate: { max: 1, perMs: 60_000 } }),
      ...two('many.shared', { tenant: 'a' }),
      ...two('many.free', {}),
    ])
    const summary = await queue.summary()
    assert.deepEqual(
      ['keyed', 'rated', 'shared', 'free'].map((name) => summary.find((row) => row.name === `many.${name}`)?.held),
      [2, 2, undefined, undefined],
    )
  })

  it('shares rows, and each event can be looked at', async () => {
    await crowd('many.seen')
    const shares = async (): Promise<(number | undefined)[]> =>
      (await queue.list({ name: 'many.seen' })).map(({ events }) => events)
    assert.deepEqual(await shares(), Array<number>(10).fill(10))
    const ids: string[] = []
    await withWorker(queue, { 'many.seen': async (job) => void ids.push(job.id) }, () =>
      until('all ran', () => ids.length === EVENTS),
    )
    assert.deepEqual(await shares(), Array<number>(10).fill(10), 'and so does its history')
    const one = await queue.get(ids[7]!)
    assert.deepEqual([one?.id, one?.state, one && numberOf(one) < EVENTS], [ids[7], 'done', true])
    assert.equal((await queue.get(one!.sharedRow!))?.events, 10)
  })

  it('is only of small events, however well they are compressed', async () => {
    await crowd('many.large', (n) => ({ n, text: 'x'.repeat(3000) }))
    const rows = await queue.list({ name: 'many.large', limit: 500 })
    assert.deepEqual([rows.length, rows.some(({ events }) => events !== undefined)], [EVENTS, false])
  })

  it('is told to other processes when it is more than this one can begin', async () => {
    const told: string[] = []
    const query: SystemDatabase['query'] = (text, values) => {
      if (text.includes('pg_notify')) told.push(String(values?.[1]))
      return db.system.query(text, values)
    }
    const busy = open({ ...db.system, query })
    await queue.publish(Array.from({ length: EVENTS }, (_, n) => ({ name: 'many.told.came', payload: { n } })))
    const relay = busy.relay({ subscriptions: new Map([['many.told.came', [{ job: 'many.told' }]]]) })
    let runs = 0
    await withWorker(
      busy,
      { 'many.told': async () => void runs++ },
      async () => {
        await relay.start()
        await until('all ran', () => runs === EVENTS)
        await relay.stop()
      },
      { concurrency: 20 },
    )
    await busy.close()
    assert.ok(
      told.some((message) => message.includes('"low"')),
      'rows were fewer than places, events were not',
    )
  })

  it('is not taken for what a module writes itself', async () => {
    const payload = { ids: [500_001, 500_002], events: 7 }
    const [id] = await queue.enqueue([{ name: 'many.alike', payload }])
    await db.system.query(`update tenfold.job set id = 500000 where id = $1`, [id])
    assert.equal(await queue.get('500001'), undefined)
    await db.system.query(`update tenfold.job set payload = '{"ids":[500001],"tenfold:page":true}' where id = 500000`)
    await withWorker(queue, { 'many.alike': async () => {} }, () =>
      until('it is done', async () => (await queue.get('500000'))?.state === 'done'),
    )
    assert.equal(await queue.get('500001'), undefined)
    assert.equal((await queue.list({ name: 'many.alike' })).length, 1)
  })

  it('lets what failed leave while another is slow, and has the rest recorded', async () => {
    await crowd('many.slow')
    const slow = gate()
    const runs: number[] = []
    const handler: JobHandler = async (job) => {
      const n = numberOf(job)
      runs.push(n)
      if (n % 10 === 1 && job.attempt === 1) throw new Error('once')
      if (n === 8) await slow.opened
    }
    const done = async (): Promise<number> =>
      (await queue.list({ name: 'many.slow', state: 'done', limit: 500 })).reduce(
        (sum, { events = 1 }) => sum + events,
        0,
      )
    await withWorker(
      queue,
      { 'many.slow': handler },
      async () => {
        await until('all but the slow one are done', async () => (await done()) === EVENTS - 1)
        const running = await queue.list({ name: 'many.slow', state: 'running' })
        assert.deepEqual(
          running.map(({ events, attempt }) => [events, attempt]),
          [[undefined, 1]],
          'the slow one has a row of its own',
        )
        slow.open()
        await until('the slow one too', async () => (await done()) === EVENTS)
      },
      { concurrency: 2 },
    )
    assert.equal(runs.length, EVENTS + 10)
    assert.equal((await queue.list({ name: 'many.slow', state: 'running' })).length, 0)
  })

  it('keeps what leaves for this worker, though the answers of both statements come late', async () => {
    await crowd('many.answers')
    const slow = gate()
    const left = gate()
    let losing = false
    let looked = false
    const query: SystemDatabase['query'] = async (text, values) => {
      const answer = await db.system.query(text, values)
      if (text.startsWith('\nwith page as')) {
        losing = true
        await left.opened
      } else if (losing && text === EXCHANGE) {
        losing = false
        throw new Error('the connection broke')
      } else if (text === RECONCILE) {
        looked = true
        left.open()
      }
      return answer as never
    }
    const unsure = open({ ...db.system, query })
    const runs: number[] = []
    const handler: JobHandler = async (job) => {
      runs.push(numberOf(job))
      if (numberOf(job) === EVENTS - 5) await slow.opened
    }
    await withWorker(
      unsure,
      { 'many.answers': handler },
      async () => {
        await until('the worker has looked for what it does not know', () => looked)
        await until('all came', () => new Set(runs).size === EVENTS)
        await until('nothing waits', async () => (await waiting('many.answers')) === 0)
        slow.open()
      },
      { concurrency: 2 },
    )
    await unsure.close()
    assert.equal(runs.length, EVENTS, 'none ran twice')
  })

  it('is taken apart where a worker died with it', async () => {
    await crowd('many.died')
    await db.system.query(`update tenfold.job set attempt = 1, lost = 1 where name = 'many.died'`)
    const runs: number[] = []
    const handler: JobHandler = async (job) => void runs.push(numberOf(job))
    await withWorker(queue, { 'many.died': handler }, () => until('all ran', () => runs.length === EVENTS))
    assert.equal(new Set(runs).size, EVENTS)
    const rows = await queue.list({ name: 'many.died', state: 'done', limit: 500 })
    assert.equal(rows.filter(({ events }) => events === undefined).length, EVENTS, 'each has a row of its own')
  })

  it('goes on where a worker that stops has left it', async () => {
    await crowd('many.stopped')
    const runs: number[] = []
    const stuck = 3
    const handler: JobHandler = async (job) => {
      const n = numberOf(job)
      runs.push(n)
      if (n === stuck && runs.filter((one) => one === stuck).length === 1) await aborted(job)
    }
    await withWorker(queue, { 'many.stopped': handler }, () => until('it is stuck', () => runs.includes(stuck)), {
      concurrency: 1,
      stopTimeoutMs: 50,
    })
    await withWorker(queue, { 'many.stopped': handler }, () => until('all ran', () => new Set(runs).size === EVENTS))
    assert.equal(await waiting('many.stopped'), 0)
    for (const [n, times] of Map.groupBy(runs, (one) => one))
      assert.equal(times.length, n === stuck ? 2 : 1, `event ${n}`)
  })

  it('gives an event with a row of its own the time to clean up that each job has', async () => {
    await crowd('many.grace')
    const began = gate()
    let first = true
    let cleaned = false
    const handler: JobHandler = async (job) => {
      if (numberOf(job) !== 2 || !first) return
      first = false
      await job.step('begin', async () => began.open())
      await aborted(job).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
      cleaned = true
    }
    await withWorker(queue, { 'many.grace': handler }, () => began.opened, { concurrency: 1, stopTimeoutMs: 20 })
    assert.equal(cleaned, true, 'the worker waited for it')
  })

  it('lets an event be what another job comes after', async () => {
    await crowd('many.first')
    const results: unknown[] = []
    let runs = 0
    const handler: JobHandler = async (job) => {
      runs++
      const n = numberOf(job)
      if (n % 20 === 7) await queue.enqueue([{ name: 'many.second', after: [job.id] }])
      return n
    }
    const second: JobHandler = async ({ after: [first] }) => void results.push(first?.result)
    await withWorker(queue, { 'many.first': handler, 'many.second': second }, () =>
      until('all that come after have run', () => results.length === 5),
    )
    assert.deepEqual(
      results.toSorted((a, b) => Number(a) - Number(b)),
      [7, 27, 47, 67, 87],
    )
    assert.equal(runs, EVENTS, 'none had to run again for that')
  })

  it('loses no event that nobody here can open', async () => {
    await crowd('many.sealed')
    const runs: number[] = []
    let closed = true
    const handler: JobHandler = async (job) => {
      const n = numberOf(job)
      if (n === 4 && closed) {
        closed = false
        throw JobSealed({ name: job.name })
      }
      runs.push(n)
    }
    await withWorker(queue, { 'many.sealed': handler }, () => until('all ran', () => runs.length === EVENTS))
    assert.equal(new Set(runs).size, EVENTS)
  })
})

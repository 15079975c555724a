import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Queue, RunningJob } from '../queue.ts'
import { describeControls } from './controls.ts'
import { describeEvents } from './events.ts'
import { describeFaults } from './faults.ts'
import { describeFlows } from './flows.ts'
import { gate, quiet, recorder, until, withWorker, type QueueBackend } from './harness.ts'
import { describeOrder } from './order.ts'
import { describeSteps } from './steps.ts'

type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

export type QueuePromise = `Q${Exclude<Digit, 0>}` | `Q${1 | 2}${Digit}` | `Q3${0 | 1 | 2 | 3 | 4 | 5}`

/** Runs a test of a promise, or skips it with the reason that the backend gives. */
export type Promised = (id: QueuePromise, says: string, run: () => Promise<void>) => void

/** Proves all promises of a backend. */
export function describeQueueContract(
  name: string,
  open: () => Promise<QueueBackend>,
  { cannot = {} }: { cannot?: Partial<Record<QueuePromise, string>> } = {},
): void {
  const promise: Promised = (id, says, run) => {
    const reason = cannot[id]
    it(`${id} ${says}`, reason === undefined ? {} : { skip: reason }, run)
  }

  describe(`queue on ${name}`, () => {
    let backend: QueueBackend
    let queue: Queue
    before(async () => {
      backend = await open()
      queue = backend.open()
    })
    after(() => backend.close())
    const doneOf = async (id: string): Promise<boolean> => (await queue.get(id))?.state === 'done'

    promise('Q1', 'a job exists if its transaction commits, and not before', async () => {
      const { handler, runs } = recorder()
      await withWorker(queue, { 'q1.commit': handler }, async () => {
        await backend.transaction(async (tx) => {
          await queue.enqueue([{ name: 'q1.commit', payload: { a: 1 } }], tx)
          await quiet(150)
          assert.equal(runs.length, 0, 'ran before the commit')
        })
        await until('it runs', () => runs.length === 1)
        assert.deepEqual(runs[0]!.payload, { a: 1 })
      })
    })

    promise('Q1', 'a job does not exist if its transaction is rolled back', async () => {
      const { handler, runs } = recorder()
      await withWorker(queue, { 'q1.rollback': handler }, async () => {
        const failing = backend.transaction(async (tx) => {
          await queue.enqueue([{ name: 'q1.rollback' }], tx)
          throw new Error('no')
        })
        await assert.rejects(failing, /no/)
        const [id] = await queue.enqueue([{ name: 'q1.rollback', payload: 'marker' }])
        await until('the marker is done', () => doneOf(id!))
        assert.deepEqual(
          runs.map((job) => job.payload),
          ['marker'],
        )
      })
    })

    promise('Q2', 'ids come in order, for concurrent calls and for bulk', async () => {
      const single = await Promise.all(
        Array.from({ length: 200 }, (_, i) => queue.enqueue([{ name: 'q2.many', payload: i }])),
      )
      const bulk = await queue.enqueue(Array.from({ length: 300 }, (_, i) => ({ name: 'q2.many', payload: 200 + i })))
      const ids = [...single.flat(), ...bulk]
      assert.equal(new Set(ids).size, 500)
      for (const i of [0, 7, 199, 200, 499]) assert.equal((await queue.get(ids[i]!))?.payload, i)
    })

    promise('Q3', 'over three workers each job runs exactly once', async () => {
      const { handler, runs } = recorder()
      const workers = [backend.open(), backend.open(), backend.open()].map((q) =>
        q.work({ handlers: new Map([['q3.once', handler]]) }),
      )
      await Promise.all(workers.map((worker) => worker.start()))
      const calls = Array.from({ length: 100 }, () =>
        queue.enqueue(Array.from({ length: 30 }, () => ({ name: 'q3.once' }))),
      )
      const ids = (await Promise.all(calls)).flat()
      await until('all ran', () => runs.length >= 3000, 20_000)
      await Promise.all(workers.map((worker) => worker.stop()))
      assert.deepEqual(
        runs.map((job) => Number(job.id)).sort((a, b) => a - b),
        ids.map(Number).sort((a, b) => a - b),
      )
      assert.equal((await queue.summary()).find((row) => row.name === 'q3.once')!.doneLastHour, 3000)
    })

    promise('Q3', 'the result is kept, and the trace goes on', async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      await withWorker(queue, { 'q3.result': async () => ({ sum: 42, rows: 1n, odd: 'a\u0000b\ud800' }) }, async () => {
        const [id] = await queue.enqueue([{ name: 'q3.result', payload: [1], traceparent }])
        await until('it is done', () => doneOf(id!))
        const job = (await queue.get(id!))!
        assert.deepEqual(job.result, { sum: 42, rows: 1, odd: 'a\ufffdb\ufffd' })
        assert.equal(job.traceId, '0af7651916cd43dd8448eb211c80319c')
        assert.ok(job.durationMs! >= 0 && job.finishedAt! >= job.createdAt)
      })
    })

    promise('Q6', 'a failed run is tried again, then set aside, then retried or discarded', async () => {
      let broken = true
      const { handler, runs } = recorder(async (job) => {
        if (broken) throw new Error(`broken at ${job.attempt}`)
      })
      await withWorker(queue, { 'q6.fail': handler }, async () => {
        const retry = { name: 'q6.fail', maxAttempts: 3, backoff: { baseMs: 20 } }
        const [first, second] = await queue.enqueue([retry, retry])
        await until('both are dead', async () => (await queue.list({ name: 'q6.fail', state: 'dead' })).length === 2)
        assert.equal(runs.length, 6)
        assert.deepEqual(
          runs.filter((job) => job.id === first).map((job) => [job.attempt, job.lastAttempt]),
          [
            [1, false],
            [2, false],
            [3, true],
          ],
        )
        const dead = (await queue.get(first!))!
        assert.deepEqual(
          dead.errors.map((error) => error.message),
          ['broken at 1', 'broken at 2', 'broken at 3'],
        )
        assert.equal(dead.error, 'broken at 3')
        assert.equal(await queue.discard(second!), true)
        assert.equal(await queue.get(second!), undefined)
        broken = false
        assert.equal(await queue.retry(first!), true)
        await until('it is done', () => doneOf(first!))
        assert.equal(await queue.retry(first!), false)
      })
    })

    promise('Q6', 'all dead letters of a name are retried at once', async () => {
      let broken = true
      const run = async (): Promise<void> => {
        if (broken) throw new Error('broken')
      }
      await withWorker(queue, { 'q6.all': run }, async () => {
        const ids = await queue.enqueue(Array.from({ length: 20 }, () => ({ name: 'q6.all', maxAttempts: 1 })))
        await until('all are dead', async () => (await queue.list({ name: 'q6.all', state: 'dead' })).length === 20)
        broken = false
        assert.equal(await queue.retryAll({ name: 'q6.all', state: 'dead' }), 20)
        for (const id of ids) await until('it is done', () => doneOf(id))
      })
    })

    promise('Q7', 'a delayed job waits for its time', async () => {
      const { handler, runs } = recorder()
      await withWorker(queue, { 'q7.delay': handler }, async () => {
        const started = Date.now()
        const past = { name: 'q7.delay', payload: 'past', runAt: new Date(1000) }
        await queue.enqueue([
          { name: 'q7.delay', payload: 'later', delay: 400 },
          past,
          { name: 'q7.delay', payload: 'day', delay: 86_400_000 },
        ])
        await until('two ran', () => runs.length === 2)
        assert.deepEqual(
          runs.map((job) => job.payload),
          ['past', 'later'],
        )
        assert.ok(Date.now() - started >= 390 && Date.now() - started < 1500, `took ${Date.now() - started} ms`)
        const [waiting] = await queue.list({ name: 'q7.delay', state: 'delayed' })
        assert.equal(await queue.retry(waiting!.id), true, 'a delayed job can be run at once')
        await until('it ran', () => runs.length === 3)
      })
    })

    promise('Q8', 'the most urgent goes first, then the oldest', async () => {
      const { handler, runs } = recorder()
      const priorities = [0, 5, -5, 0, 1000, 5, -1000]
      await queue.enqueue(priorities.map((priority, i) => ({ name: 'q8.order', priority, payload: [priority, i] })))
      await withWorker(queue, { 'q8.order': handler }, () => until('all ran', () => runs.length === 7), {
        concurrency: 1,
      })
      assert.deepEqual(
        runs.map((job) => job.payload),
        [
          [1000, 4],
          [5, 1],
          [5, 5],
          [0, 0],
          [0, 3],
          [-5, 2],
          [-1000, 6],
        ],
      )
    })

    promise('Q9', 'a unique key is held by one unfinished job, over callers, workers and transactions', async () => {
      const { handler, runs } = recorder()
      const job = { name: 'q9.unique', uniqueKey: 'k' }
      const ids = (
        await Promise.all(
          Array.from({ length: 40 }, () => queue.enqueue([job, { name: 'q9.unique', uniqueKey: 'other' }, job])),
        )
      ).flat()
      assert.equal(new Set(ids).size, 2)
      assert.deepEqual(await backend.transaction((tx) => queue.enqueue([job], tx)), [ids[0]])
      assert.deepEqual(await queue.enqueue([{ ...job, delay: 5000 }]), [ids[0]])
      const [elsewhere] = await queue.enqueue([{ name: 'q9.unique-too', uniqueKey: 'k' }])
      assert.notEqual(elsewhere, ids[0], 'keys of other names are other keys')
      await withWorker(queue, { 'q9.unique': handler }, async () => {
        await until('it is done', () => doneOf(ids[0]!))
        const [next] = await queue.enqueue([job])
        assert.notEqual(next, ids[0])
        await until('the next is done', () => doneOf(next!))
      })
      assert.equal(runs.length, 3)
    })

    promise('Q10', 'no more than the limit of a key run at a time, over several workers', async () => {
      const now = new Map<string, number>()
      const most = new Map<string, number>()
      const { handler, runs } = recorder(async (job) => {
        const key = job.payload as string
        now.set(key, (now.get(key) ?? 0) + 1)
        most.set(key, Math.max(most.get(key) ?? 0, now.get(key)!))
        await quiet(5)
        now.set(key, now.get(key)! - 1)
      })
      const jobs = Array.from({ length: 90 }, (_, i) => {
        const key = `k${i % 3}`
        return { name: 'q10.limit', payload: key, concurrency: { key, limit: (i % 3) + 1 } }
      })
      const other = backend.open()
      await withWorker(queue, { 'q10.limit': handler }, () =>
        withWorker(other, { 'q10.limit': handler }, async () => {
          await queue.enqueue(jobs)
          await until('all ran', () => runs.length === 90, 20_000)
        }),
      )
      assert.deepEqual(
        [...most].toSorted(([a], [b]) => a.localeCompare(b)),
        [
          ['k0', 1],
          ['k1', 2],
          ['k2', 3],
        ],
      )
    })

    promise('Q11', 'a run that takes too long is aborted and counts as failed', async () => {
      let reason: unknown
      const slow = (job: RunningJob): Promise<void> =>
        new Promise((_, reject) => job.signal.addEventListener('abort', () => reject((reason = job.signal.reason))))
      await withWorker(queue, { 'q11.slow': slow }, async () => {
        const [id] = await queue.enqueue([{ name: 'q11.slow', timeoutMs: 100, maxAttempts: 1 }])
        await until('it is dead', async () => (await queue.get(id!))?.state === 'dead')
        assert.equal((reason as { code: string }).code, 'TF_JOB_TIMEOUT')
        assert.match((await queue.get(id!))!.error!, /longer than its 100 ms/)
      })
    })

    promise('Q12', 'a job that no worker knows stays as it is, and does not stand in the way', async () => {
      const { handler, runs } = recorder()
      const [unknown] = await queue.enqueue([{ name: 'q12.unknown', priority: 1000 }])
      await withWorker(queue, { 'q12.known': handler }, async () => {
        await queue.enqueue([{ name: 'q12.known' }])
        await until('the known one ran', () => runs.length === 1)
      })
      const job = (await queue.get(unknown!))!
      assert.deepEqual([job.state, job.attempt, job.errors], ['waiting', 0, []])
    })

    promise('Q13', 'a stopping worker gives back what it had not begun and waits for what runs', async () => {
      const ending = gate()
      const { handler, runs } = recorder(() => ending.opened)
      const ids = await queue.enqueue(Array.from({ length: 20 }, () => ({ name: 'q13.stop', maxAttempts: 1 })))
      await withWorker(
        queue,
        { 'q13.stop': handler },
        async (worker) => {
          await until('two run', () => runs.length === 2)
          const stopped = worker.stop()
          await until(
            'the others are given back',
            async () => (await queue.list({ name: 'q13.stop', state: 'waiting' })).length === 18,
          )
          ending.open()
          await stopped
        },
        { concurrency: 2 },
      )
      assert.equal(runs.length, 2)
      const rows = await queue.list({ ids })
      assert.deepEqual(
        rows.filter((row) => row.state === 'waiting').map((row) => row.attempt),
        Array(18).fill(0),
      )
      await withWorker(queue, { 'q13.stop': handler }, () => until('the rest ran', () => runs.length === 20))
    })

    promise('Q13', 'what outlasts the deadline is aborted and runs again elsewhere, at no cost', async () => {
      const reasons: unknown[] = []
      const endless = (job: RunningJob): Promise<void> =>
        new Promise((_, reject) => job.signal.addEventListener('abort', () => reject(reasons.push(job.signal.reason))))
      const [id] = await queue.enqueue([{ name: 'q13.long', maxAttempts: 1 }])
      await withWorker(
        queue,
        { 'q13.long': endless },
        async (worker) => {
          await until('it runs', async () => (await queue.get(id!))?.state === 'running')
          await worker.stop()
        },
        { stopTimeoutMs: 50 },
      )
      assert.equal((reasons[0] as { code: string }).code, 'TF_JOB_INTERRUPTED')
      assert.deepEqual([(await queue.get(id!))!.state, (await queue.get(id!))!.attempt], ['waiting', 0])
      await withWorker(queue, { 'q13.long': async () => {} }, () => until('it is done', () => doneOf(id!)))
    })

    promise('Q14', 'one bad job fails its own call only', async () => {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const bad: [unknown, string][] = [
        [circle, 'TF_JOB_INVALID'],
        ['nul \u0000', 'TF_JOB_INVALID'],
        ['half \ud800', 'TF_JOB_INVALID'],
        ['x'.repeat(300_000), 'TF_JOB_PAYLOAD_TOO_LARGE'],
      ]
      const calls = bad.map(([payload]) => queue.enqueue([{ name: 'q14.bad', payload }]))
      const good = Array.from({ length: 50 }, (_, i) =>
        queue.enqueue([{ name: 'q14.good', payload: `\\u0000 ${i} \ud83d\ude00` }]),
      )
      const results = await Promise.allSettled(calls)
      assert.deepEqual(
        results.map((r) => (r as PromiseRejectedResult).reason.code),
        bad.map(([, code]) => code),
      )
      assert.equal(new Set((await Promise.all(good)).flat()).size, 50)
      await assert.rejects(queue.enqueue([{ name: 'q14.bad', priority: 0.5 }]), { code: 'TF_JOB_INVALID' })
      await assert.rejects(queue.enqueue([{ name: 'no spaces' }]), { code: 'TF_JOB_INVALID' })
      assert.deepEqual(await queue.list({ name: 'q14.bad' }), [])
    })

    promise('Q15', 'without messages, polling finds a job of another process', async () => {
      const deaf = backend.open({ listen: false })
      const { handler, runs } = recorder()
      await withWorker(deaf, { 'q15.poll': handler }, async () => {
        for (let i = 1; i <= 3; i++) {
          await queue.enqueue([{ name: 'q15.poll' }])
          await until('it ran', () => runs.length === i, 2000)
        }
      })
    })

    promise('Q15', 'a message wakes a worker of another process at once', async () => {
      const other = backend.open()
      const { handler, runs } = recorder()
      await withWorker(other, { 'q15.wake': handler }, async () => {
        await quiet(1500)
        const waits: number[] = []
        for (let i = 1; i <= 5; i++) {
          const started = performance.now()
          await queue.enqueue([{ name: 'q15.wake' }])
          await until('it ran', () => runs.length === i)
          waits.push(performance.now() - started)
          await quiet(300)
        }
        assert.ok(waits.sort((a, b) => a - b)[2]! < 150, `waited ${waits.join(', ')} ms`)
      })
    })

    it('progress is written about once a second', async () => {
      const ending = gate()
      const run = async (job: RunningJob): Promise<void> => {
        job.progress(0.25)
        await ending.opened
      }
      await withWorker(queue, { 'q.progress': run }, async () => {
        const [id] = await queue.enqueue([{ name: 'q.progress' }])
        await until('progress shows', async () => (await queue.get(id!))?.progress === 0.25, 3000)
        ending.open()
      })
    })

    it('lists pages backwards, newest first', async () => {
      const ids = await queue.enqueue(Array.from({ length: 25 }, () => ({ name: 'q.list' })))
      const first = await queue.list({ name: 'q.list', limit: 10 })
      const second = await queue.list({ name: 'q.list', limit: 10, before: first.at(-1)!.id })
      assert.deepEqual(
        [...first, ...second].map((row) => row.id),
        ids.toReversed().slice(0, 20),
      )
      assert.equal(await queue.get('not-an-id'), undefined)
      for (const id of ids) assert.equal(await queue.discard(id), true)
      assert.deepEqual(await queue.list({ name: 'q.list' }), [])
    })

    describeFaults(promise, () => ({ backend, queue }))
    describeEvents(promise, () => ({ backend, queue }))
    describeControls(promise, () => ({ backend, queue }))
    describeOrder(promise, () => ({ backend, queue }))
    describeFlows(promise, () => ({ backend, queue }))
    describeSteps(promise, () => ({ backend, queue }))
  })
}

/** What people decide about jobs: Q17 to Q22, and encryption. */
import assert from 'node:assert/strict'
import { giveUp, retryAfter } from '../control.ts'
import type { Promised } from './contract.ts'
import { gate, quiet, recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { JobState, Queue, RunningJob } from '../queue.ts'

export function describeControls(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  const stateOf = async (id: string): Promise<JobState | undefined> => (await parts().queue.get(id))?.state
  const becomes = (id: string, state: JobState): Promise<void> =>
    until(`${id} is ${state}`, async () => (await stateOf(id)) === state)

  promise('Q17', 'cancelling aborts a running job with the reason, in whatever process it runs', async () => {
    const { backend, queue } = parts()
    const reasons: { code: string; message: string }[] = []
    const running = (job: RunningJob): Promise<void> =>
      new Promise((_, reject) =>
        job.signal.addEventListener('abort', () => {
          reasons.push(job.signal.reason as { code: string; message: string })
          reject(new Error('whatever'))
        }),
      )
    await withWorker(backend.open(), { 'q17.long': running }, async () => {
      const [id] = await queue.enqueue([{ name: 'q17.long' }])
      await becomes(id!, 'running')
      assert.equal(await queue.cancel(id!, 'the order was withdrawn'), true)
      await becomes(id!, 'cancelled')
      assert.equal(reasons[0]!.code, 'TF_JOB_CANCELLED')
      assert.match(reasons[0]!.message, /the order was withdrawn/)
      assert.match((await queue.get(id!))!.error!, /the order was withdrawn/)
      assert.equal(await queue.cancel(id!), false, 'it has finished')
      assert.deepEqual((await queue.list({ name: 'q17.long', state: 'done' })).length, 0)
    })
  })

  promise('Q17', 'a job that has not begun never begins; one that gets done all the same is done', async () => {
    const { queue } = parts()
    const ending = gate()
    const { handler, runs } = recorder(() => ending.opened)
    const [waiting] = await queue.enqueue([{ name: 'q17.wait', uniqueKey: 'k' }])
    const [delayed] = await queue.enqueue([{ name: 'q17.wait', delay: 60_000 }])
    for (const id of [waiting!, delayed!]) {
      assert.equal(await queue.cancel(id), true)
      assert.equal(await stateOf(id), 'cancelled')
    }
    const [next] = await queue.enqueue([{ name: 'q17.wait', uniqueKey: 'k' }])
    assert.notEqual(next, waiting, 'its key is free')
    await withWorker(queue, { 'q17.wait': handler }, async () => {
      await until('it runs', () => runs.length === 1)
      await queue.cancel(next!)
      await until('it is told', () => runs[0]!.signal.aborted)
      ending.open()
      await becomes(next!, 'done')
    })
    assert.equal(runs.length, 1)
    assert.equal(await queue.cancel('999999999999'), false)
  })

  promise('Q18', 'nothing of a paused name is claimed, by old workers and new ones, until it is resumed', async () => {
    const { backend, queue } = parts()
    const { handler, runs } = recorder()
    await withWorker(queue, { 'q18.paused': handler, 'q18.other': handler }, async () => {
      await queue.pause('q18.paused', 'the partner is down')
      const [first] = await queue.enqueue([{ name: 'q18.paused', payload: 1 }])
      const [, , other] = await queue.enqueue([
        { name: 'q18.paused', payload: 2 },
        { name: 'q18.paused', payload: 3, delay: 1 },
        { name: 'q18.other' },
      ])
      await withWorker(backend.open(), { 'q18.paused': handler }, async () => {
        await becomes(other!, 'done')
        await quiet(1200)
        assert.deepEqual(
          runs.map((job) => job.name),
          ['q18.other'],
        )
        assert.equal(await stateOf(first!), 'waiting')
        assert.deepEqual(
          (await queue.paused()).map(({ name, reason }) => [name, reason]),
          [['q18.paused', 'the partner is down']],
        )
        assert.equal((await queue.summary()).find((row) => row.name === 'q18.paused')!.paused, true)
        assert.equal(await queue.resume('q18.paused'), true)
        await until('all ran', () => runs.length === 4)
        assert.equal(await queue.resume('q18.paused'), false)
      })
    })
  })

  promise('Q10', 'nor is what waits for its key', async () => {
    const { queue } = parts()
    const { handler, runs } = recorder()
    await queue.pause('q18.keyed')
    await withWorker(queue, { 'q18.keyed': handler, 'q18.beside': handler }, async () => {
      const [, beside] = await queue.enqueue([
        { name: 'q18.keyed', concurrency: { key: 'k', limit: 1 } },
        { name: 'q18.beside', delay: 1200 },
      ])
      await becomes(beside!, 'done')
      assert.equal(runs.length, 1)
      await queue.resume('q18.keyed')
      await until('it ran', () => runs.length === 2)
    })
  })

  promise('Q19', 'what is thrown decides about the next attempt', async () => {
    const { queue } = parts()
    const times: number[] = []
    const retry = (error: unknown): number | 'stop' | undefined =>
      (error as Error).message === 'hopeless' ? 'stop' : (error as Error).message === 'soon' ? 5 : undefined
    const works = {
      'q19.gone': async () => Promise.reject(giveUp('The endpoint is gone.')),
      'q19.later': async (job: RunningJob) => {
        times.push(Date.now())
        if (job.attempt === 1) throw retryAfter(300, 'too many requests')
      },
      'q19.policy': {
        retry,
        run: async ({ payload, attempt }: RunningJob) => {
          if (attempt === 1) throw new Error(String(payload))
        },
      },
    }
    await withWorker(queue, works, async () => {
      const slow = { backoff: { baseMs: 1_000_000 } }
      const ids = await queue.enqueue([
        { name: 'q19.gone' },
        { name: 'q19.later', ...slow },
        { name: 'q19.policy', payload: 'hopeless' },
        { name: 'q19.policy', payload: 'soon', ...slow },
      ])
      await becomes(ids[0]!, 'dead')
      assert.equal((await queue.get(ids[0]!))!.error, 'The endpoint is gone.')
      await becomes(ids[1]!, 'done')
      assert.ok(times[1]! - times[0]! >= 290, `came back after ${times[1]! - times[0]!} ms`)
      assert.equal((await queue.get(ids[1]!))!.errors[0]!.message, 'too many requests')
      await becomes(ids[2]!, 'dead')
      assert.equal((await queue.get(ids[2]!))!.attempt, 1)
      await becomes(ids[3]!, 'done')
    })
  })

  promise('Q20', 'on a taken key the job is kept, replaced or postponed', async () => {
    const { queue } = parts()
    const job = (payload: number, onConflict: 'keep' | 'replace' | 'postpone', key: string, delay = 0) => ({
      name: 'q20.conflict',
      payload,
      uniqueKey: key,
      delay,
      unique: { onConflict },
    })
    const [kept] = await queue.enqueue([job(1, 'keep', 'a')])
    await queue.enqueue([job(2, 'keep', 'a')])
    const [replaced] = await queue.enqueue([job(1, 'replace', 'b')])
    const again = await queue.enqueue([job(2, 'replace', 'b'), job(3, 'replace', 'b')])
    assert.deepEqual(again, [replaced, replaced])
    const started = Date.now()
    const [postponed] = await queue.enqueue([job(1, 'postpone', 'c', 200)])
    await quiet(100)
    assert.deepEqual(await queue.enqueue([job(2, 'postpone', 'c', 400)]), [postponed])
    const [bounded] = await queue.enqueue([
      { ...job(1, 'postpone', 'd', 100), unique: { onConflict: 'postpone', maxWaitMs: 300 } },
    ])
    await queue.enqueue([{ ...job(2, 'postpone', 'd', 60_000), unique: { onConflict: 'postpone', maxWaitMs: 300 } }])
    const ran = new Map<string, [unknown, number]>()
    const handler = async ({ id, payload }: RunningJob): Promise<void> =>
      void ran.set(id, [payload, Date.now() - started])
    await withWorker(queue, { 'q20.conflict': handler }, () => until('all ran', () => ran.size === 4))
    assert.equal(ran.get(kept!)![0], 1)
    assert.equal(ran.get(replaced!)![0], 3)
    assert.equal(ran.get(postponed!)![0], 2)
    assert.ok(ran.get(postponed!)![1] >= 480, `ran after ${ran.get(postponed!)![1]} ms`)
    assert.equal(ran.get(bounded!)![0], 2)
  })

  promise('Q20', 'a running job keeps its payload, and the replacement comes after it', async () => {
    const { queue } = parts()
    const ending = gate()
    const { handler, runs } = recorder(() => ending.opened)
    const job = { name: 'q20.running', uniqueKey: 'k', unique: { onConflict: 'replace' as const } }
    await withWorker(queue, { 'q20.running': handler }, async () => {
      const [first] = await queue.enqueue([{ ...job, payload: 1 }])
      await until('it runs', () => runs.length === 1)
      const [second] = await queue.enqueue([{ ...job, payload: 2 }])
      assert.notEqual(first, second)
      ending.open()
      await until('both ran', () => runs.length === 2)
      assert.deepEqual(
        runs.map((run) => run.payload),
        [1, 2],
      )
    })
  })

  promise('Q20', 'with a window the key stays taken after the job has finished', async () => {
    const { queue } = parts()
    const job = { name: 'q20.window', uniqueKey: 'k', unique: { windowMs: 700 } }
    const started = Date.now()
    const [first] = await queue.enqueue([job])
    await withWorker(queue, { 'q20.window': async () => {} }, async () => {
      await becomes(first!, 'done')
      const many = (await Promise.all(Array.from({ length: 10 }, () => queue.enqueue([job])))).flat()
      if (Date.now() - started < 650) assert.deepEqual([...new Set(many)], [first])
      await until('the window has passed', async () => (await queue.enqueue([job]))[0] !== first, 3000)
      assert.ok(Date.now() - started >= 690)
    })
  })

  promise('Q21', 'a finished job is kept as long as it says', async () => {
    const { queue } = parts()
    await withWorker(queue, { 'q21.keep': async () => 42 }, async () => {
      const [none, long, usual] = await queue.enqueue([
        { name: 'q21.keep', keepMs: 0 },
        { name: 'q21.keep', keepMs: 90 * 86_400_000 },
        { name: 'q21.keep' },
      ])
      await becomes(usual!, 'done')
      await becomes(long!, 'done')
      assert.equal((await queue.get(long!))!.result, 42)
      await until('it is gone', async () => (await queue.get(none!)) === undefined)
      assert.equal((await queue.list({ name: 'q21.keep', state: 'done' })).length, 2)
    })
  })

  promise('Q22', 'a newer version is left to others at no cost, an older one runs', async () => {
    const { backend, queue } = parts()
    const old = recorder()
    const young = recorder()
    await withWorker(queue, { 'q22.form': { run: old.handler, version: 2 } }, async () => {
      const [first, third] = await queue.enqueue([
        { name: 'q22.form', payload: 'old' },
        { name: 'q22.form', version: 3, maxAttempts: 1 },
      ])
      await becomes(first!, 'done')
      await until('it was given back', async () => (await stateOf(third!)) === 'delayed')
      assert.deepEqual([(await queue.get(third!))!.attempt, (await queue.get(third!))!.errors], [0, []])
      await withWorker(backend.open(), { 'q22.form': { run: young.handler, version: 3 } }, () =>
        becomes(third!, 'done'),
      )
      assert.deepEqual(
        [old, young].map(({ runs }) => runs.map((job) => [job.payload, job.version])),
        [[['old', 1]], [[null, 3]]],
      )
    })
  })

  promise(
    'Q32',
    'encrypted payloads and results are not in the database, and open with the old secret too',
    async () => {
      const { backend } = parts()
      const before = backend.open({ secrets: ['the first secret'] })
      const [id] = await before.enqueue([{ name: 'q.sealed', payload: { card: '4111-1111' }, encrypt: true }])
      assert.doesNotMatch(JSON.stringify(await before.get(id!)), /4111/)
      const { handler, runs } = recorder(async () => ({ secret: 'result 4111' }))
      const strange = recorder()
      await withWorker(backend.open({ secrets: ['another'] }), { 'q.sealed': strange.handler }, () =>
        until('it was given back', async () => (await before.get(id!))!.state === 'delayed'),
      )
      assert.equal(strange.runs.length, 0)
      await withWorker(backend.open({ secrets: ['the second', 'the first secret'] }), { 'q.sealed': handler }, () =>
        until('it is done', async () => (await before.get(id!))!.state === 'done'),
      )
      assert.deepEqual(runs[0]!.payload, { card: '4111-1111' })
      assert.doesNotMatch(JSON.stringify(await before.get(id!)), /4111/)
    },
  )

  promise('Q33', 'finds jobs by text', async () => {
    const { queue } = parts()
    const ids = await queue.enqueue([
      { name: 'q.search', payload: { mail: 'Ann_50%@example.com' } },
      { name: 'q.search', payload: { mail: 'bob@example.com' }, uniqueKey: 'order-77' },
    ])
    const found = async (search: string): Promise<string[]> =>
      (await queue.list({ name: 'q.search', search })).map((row) => row.id)
    assert.deepEqual(await found('ann_50%@'), [ids[0]])
    assert.deepEqual(await found('ORDER-77'), [ids[1]])
    assert.deepEqual(await found('50%b'), [])
    assert.equal((await found('example.com')).length, 2)
  })
}

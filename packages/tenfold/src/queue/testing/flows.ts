/** More than one job: batches and chains, Q27 and Q28. */
import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { quiet, recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { AfterFailure, JobState, NewJob, Queue, RunningJob } from '../queue.ts'

export function describeFlows(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  const becomes = (id: string, state: JobState): Promise<void> =>
    until(`${id} is ${state}`, async () => (await parts().queue.get(id))?.state === state)

  promise('Q27', 'a batch is full, or has waited; each job has its own outcome', async () => {
    const { queue } = parts()
    const batches: unknown[][] = []
    const runBatch = async (jobs: readonly RunningJob[]): Promise<unknown[]> => {
      batches.push(jobs.map((job) => job.payload))
      return jobs.map((job) => (job.payload === 7 ? new Error('not seven') : (job.payload as number) * 2))
    }
    const ids = await queue.enqueue(
      Array.from({ length: 23 }, (_, i) => ({ name: 'q27.batch', payload: i, maxAttempts: 1 })),
    )
    await withWorker(queue, { 'q27.batch': { batch: { size: 10, waitMs: 150 }, runBatch } }, async () => {
      await until('all have ended', async () => (await queue.list({ ids, state: 'done' })).length === 22)
      await becomes(ids[7]!, 'dead')
      assert.equal((await queue.get(ids[7]!))!.error, 'not seven')
      assert.equal((await queue.get(ids[8]!))!.result, 16)
      assert.deepEqual(
        batches.map((batch) => batch.length),
        [10, 10, 3],
      )
      const [late] = await queue.enqueue([{ name: 'q27.batch', payload: 1 }])
      const started = Date.now()
      await becomes(late!, 'done')
      assert.ok(Date.now() - started >= 100)
    })
  })

  promise('Q27', 'a batch that throws fails all its jobs, and cancelling one leaves the others', async () => {
    const { queue } = parts()
    let broken = true
    const runBatch = async (jobs: readonly RunningJob[]): Promise<void> => {
      if (broken) throw new Error('all of them')
      await until('one is cancelled', () => jobs.some((job) => job.signal.aborted))
    }
    const works = { 'q27.all': { batch: { size: 3, waitMs: 100 }, runBatch } }
    await withWorker(queue, works, async () => {
      const ids = await queue.enqueue(Array.from({ length: 3 }, () => ({ name: 'q27.all', maxAttempts: 1 })))
      for (const id of ids) await becomes(id, 'dead')
      broken = false
      const next = await queue.enqueue(Array.from({ length: 3 }, () => ({ name: 'q27.all', maxAttempts: 1 })))
      await becomes(next[1]!, 'running')
      await queue.cancel(next[1]!)
      for (const id of [next[0]!, next[2]!]) await becomes(id, 'done')
    })
  })

  promise('Q28', 'what comes after others begins when all are done, with their results', async () => {
    const { backend, queue } = parts()
    const { handler, runs } = recorder(async ({ name, payload }) =>
      name === 'q28.part' ? (payload as number) * 10 : null,
    )
    await withWorker(queue, { 'q28.part': handler, 'q28.join': handler, 'q28.last': handler }, async () => {
      const [done] = await queue.enqueue([{ name: 'q28.part', payload: 1 }])
      await becomes(done!, 'done')
      const last = await backend.transaction(async (tx) => {
        const made = await queue.enqueue(
          [2, 3, 4].map((payload) => ({ name: 'q28.part', payload, delay: 100 })),
          tx,
        )
        const [join] = await queue.enqueue([{ name: 'q28.join', after: [...made.toReversed(), done!] }], tx)
        const [end] = await queue.enqueue([{ name: 'q28.last', after: [join!] }], tx)
        await quiet(150)
        assert.equal(runs.length, 1)
        return end!
      })
      assert.equal((await queue.get(last))!.state, 'blocked')
      await becomes(last, 'done')
      const join = runs.find((job) => job.name === 'q28.join')!
      assert.deepEqual(
        join.after.map(({ state, result }) => [state, result]),
        [
          ['done', 40],
          ['done', 30],
          ['done', 20],
          ['done', 10],
        ],
      )
      assert.deepEqual(
        runs.slice(-2).map((job) => job.name),
        ['q28.join', 'q28.last'],
      )
    })
  })

  promise('Q28', 'a failed predecessor: wait for its retry, cancel, or run', async () => {
    const { queue } = parts()
    let broken = true
    const { handler, runs } = recorder()
    const fail = async (): Promise<string> => (broken ? Promise.reject(new Error('no')) : 'yes')
    await withWorker(queue, { 'q28.fail': fail, 'q28.next': handler }, async () => {
      const [first] = await queue.enqueue([{ name: 'q28.fail', maxAttempts: 1, delay: 50 }])
      const after = (policy: AfterFailure): NewJob => ({
        name: 'q28.next',
        payload: policy,
        after: [first!],
        afterFailure: policy,
      })
      const [waits, cancels, goesOn] = await queue.enqueue([after('wait'), after('cancel'), after('run')])
      const [chained] = await queue.enqueue([{ name: 'q28.next', after: [cancels!] }])
      await becomes(first!, 'dead')
      await becomes(goesOn!, 'done')
      assert.deepEqual(
        runs[0]!.after.map(({ state }) => state),
        ['dead'],
      )
      await becomes(cancels!, 'cancelled')
      await becomes(chained!, 'cancelled')
      const [late] = await queue.enqueue([after('wait')])
      assert.equal((await queue.get(waits!))!.state, 'blocked')
      assert.deepEqual((await queue.get(waits!))!.after, [first])
      broken = false
      await queue.retry(first!)
      await becomes(waits!, 'done')
      await becomes(late!, 'done')
      assert.equal(runs.find((job) => job.id === late)!.after[0]!.result, 'yes')
    })
    await assert.rejects(queue.enqueue([{ name: 'q28.next', after: ['99999999999'] }]), {
      code: 'TF_JOB_AFTER_UNKNOWN',
    })
    const [dead] = await queue.enqueue([{ name: 'q28.none' }])
    const [orphan] = await queue.enqueue([{ name: 'q28.next', after: [dead!] }])
    await queue.discard(dead!)
    assert.equal((await queue.get(orphan!))!.state, 'cancelled')
  })
}

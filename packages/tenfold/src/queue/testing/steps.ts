/** Steps that outlive their run: Q29 to Q31. */
import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { JobState, Queue, RunningJob } from '../queue.ts'

export function describeSteps(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  const becomes = (id: string, state: JobState): Promise<void> =>
    until(`${id} is ${state}`, async () => (await parts().queue.get(id))?.state === state)

  promise('Q29', 'a job that is tried again goes on after its last finished step', async () => {
    const { backend, queue } = parts()
    const effects: string[] = []
    const run = async (job: RunningJob): Promise<unknown> => {
      const charge = await job.step('charge', async () => {
        effects.push(`charge ${job.attempt}`)
        return { receipt: 7, at: new Date(0) }
      })
      if (job.attempt < 3) throw new Error('the mail server is away')
      await job.step('mail', async () => void effects.push('mail'))
      return charge
    }
    const [id] = await queue.enqueue([{ name: 'q29.order', backoff: { baseMs: 10 } }])
    await withWorker(queue, { 'q29.order': run }, () =>
      withWorker(backend.open(), { 'q29.order': run }, () => becomes(id!, 'done')),
    )
    assert.deepEqual(effects, ['charge 1', 'mail'])
    assert.deepEqual((await queue.get(id!))!.result, { receipt: 7, at: '1970-01-01T00:00:00.000Z' })
  })

  promise('Q29', 'steps outlive a dead letter, show while it is unfinished, and bad ones are refused', async () => {
    const { queue } = parts()
    let broken = true
    let charges = 0
    const run = async (job: RunningJob): Promise<void> => {
      await job.step('charge', async () => ++charges)
      if (broken) throw new Error('broken')
    }
    const codes: unknown[] = []
    const noted = async (work: Promise<unknown>): Promise<void> => {
      await work.catch((error: unknown) => codes.push((error as { code: string }).code))
    }
    const bad = async (job: RunningJob): Promise<void> => {
      await job.step('same', async () => 1)
      await noted(job.step('same', async () => 2))
      await noted(job.step('large', async () => 'x'.repeat(300_000)))
    }
    await withWorker(queue, { 'q29.dead': run, 'q29.bad': bad }, async () => {
      const [id, other] = await queue.enqueue([{ name: 'q29.dead', maxAttempts: 1 }, { name: 'q29.bad' }])
      await becomes(id!, 'dead')
      assert.deepEqual(
        (await queue.get(id!))!.steps!.map(({ name, result }) => [name, result]),
        [['charge', 1]],
      )
      broken = false
      await queue.retry(id!)
      await becomes(id!, 'done')
      assert.equal(charges, 1)
      await becomes(other!, 'done')
      assert.deepEqual(codes, ['TF_JOB_STEP_TWICE', 'TF_JOB_STEP_TOO_LARGE'])
    })
  })

  promise('Q30', 'a sleeping job holds no place and goes on at its time', async () => {
    const { queue } = parts()
    const effects: string[] = []
    const run = async (job: RunningJob): Promise<string> => {
      effects.push('begin')
      try {
        await job.step('one', async () => void effects.push('one'))
        await job.sleep(400)
        effects.push('slept')
        await job.sleep(1, 'nap')
      } finally {
        effects.push('finally')
      }
      return 'rested'
    }
    const other = recorder()
    const started = Date.now()
    await withWorker(
      queue,
      { 'q30.sleep': run, 'q30.other': other.handler },
      async () => {
        const [id] = await queue.enqueue([{ name: 'q30.sleep', maxAttempts: 1 }])
        await until('it sleeps', async () => (await queue.get(id!))!.state === 'delayed')
        assert.equal((await queue.get(id!))!.attempt, 0)
        await queue.enqueue([{ name: 'q30.other' }])
        await until('the other ran', () => other.runs.length === 1)
        await becomes(id!, 'done')
        assert.equal((await queue.get(id!))!.attempt, 1)
        assert.deepEqual((await queue.get(id!))!.errors, [])
      },
      { concurrency: 1 },
    )
    assert.ok(Date.now() - started >= 400)
    const row = (await queue.summary()).find(({ name }) => name === 'q30.sleep')!
    assert.deepEqual([row.doneLastHour, row.failedLastHour], [1, 0], 'to sleep is not to fail')
    assert.deepEqual(effects.filter((one) => one === 'one').length, 1)
    assert.deepEqual(effects.slice(0, 3), ['begin', 'one', 'finally'])
    assert.ok(effects.includes('slept'))
  })

  promise('Q30', 'a waiting job goes on when its event was relayed, or its time is up', async () => {
    const { backend, queue } = parts()
    const relay = backend.open().relay({ subscriptions: new Map() })
    await relay.start()
    const run = async (job: RunningJob): Promise<unknown> => {
      const timeoutMs = job.payload as number
      const paid = await job.waitForEvent({ event: 'billing.paid', match: { order: 7 }, timeoutMs })
      return paid ? paid.payload : 'never'
    }
    await withWorker(queue, { 'q30.wait': run }, async () => {
      const [waits, early, gives] = await queue.enqueue([
        { name: 'q30.wait', payload: 60_000 },
        { name: 'q30.wait', payload: 60_000, delay: 1200 },
        { name: 'q30.wait', payload: 1 },
      ])
      await becomes(gives!, 'done')
      assert.equal((await queue.get(gives!))!.result, 'never')
      await until('it waits', async () => (await queue.get(waits!))!.state === 'delayed')
      await queue.publish([
        { name: 'billing.paid', payload: { order: 8 } },
        { name: 'billing.paid', payload: { order: 7, amount: 3 } },
      ])
      await becomes(waits!, 'done')
      assert.deepEqual((await queue.get(waits!))!.result, { order: 7, amount: 3 })
      await becomes(early!, 'done')
      assert.deepEqual((await queue.get(early!))!.result, { order: 7, amount: 3 }, 'it came before the wait began')
    })
    await relay.stop()
  })

  promise('Q31', 'a run whose job was cancelled away cannot finish a step', async () => {
    const { queue } = parts()
    let code: unknown
    const run = async (job: RunningJob): Promise<void> => {
      await job
        .step('slow', async () => {
          // The run before this one was given up, as after a lost lease; its worker reports it as failed meanwhile.
          await until('its signal is aborted', () => job.signal.aborted)
          await until('another has it', async () => (await queue.get(job.id))!.state !== 'running', 15_000)
        })
        .catch((error: unknown) => (code = (error as { code: string }).code))
    }
    await withWorker(queue, { 'q31.fence': run }, async () => {
      await queue.enqueue([{ name: 'q31.fence', timeoutMs: 50, maxAttempts: 1 }])
      await until('it has tried', () => code !== undefined, 10_000)
      assert.equal(code, 'TF_JOB_LEASE_LOST')
    })
  })
}

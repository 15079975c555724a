/** Workers that die, stall and lose their leases. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import type { Promised } from './contract.ts'
import { gate, recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { Queue } from '../queue.ts'

export function describeFaults(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  promise('Q5', 'after kill -9 of a worker every job runs, and only what it had begun runs twice', async () => {
    const { backend, queue } = parts()
    const begun: string[] = []
    const child = await backend.spawnWorker({ concurrency: 5, leaseMs: 1500 })
    listen(child, begun)
    const ids = await queue.enqueue(
      Array.from({ length: 60 }, () => ({ name: 'test.sleep', payload: { ms: 20 }, maxAttempts: 1 })),
    )
    await until('some are done', async () => (await queue.list({ name: 'test.sleep', state: 'done' })).length >= 15)
    const died = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await died
    const done = new Set((await queue.list({ ids, state: 'done', limit: 500 })).map((row) => row.id))
    const { handler, runs } = recorder()
    await withWorker(
      queue,
      { 'test.sleep': handler },
      () =>
        until('all are done', async () => (await queue.list({ ids, state: 'done', limit: 500 })).length === 60, 30_000),
      // Long enough that a busy machine does not lose it: this one is not to die.
      { leaseMs: 6000 },
    )
    assert.deepEqual(
      runs.filter((job) => done.has(job.id)),
      [],
      'a finished job ran again',
    )
    // The last report of the killed worker may have been on its way: those it had begun may be done without us.
    const ran = new Set(runs.map((job) => job.id))
    const unseen = ids.filter((id) => !done.has(id) && !ran.has(id))
    assert.deepEqual(
      unseen.filter((id) => !begun.includes(id)),
      [],
      'a job is done that nobody ran',
    )
    const twice = runs.filter((job) => begun.includes(job.id))
    assert.ok(twice.length <= 5 + 5, `${twice.length} ran twice, though only 5 ran at a time`)
    assert.equal(runs.length, new Set(runs.map((job) => job.id)).size)
  })

  promise('Q5', 'a job whose workers keep dying is set aside', async () => {
    const { backend, queue } = parts()
    const [id] = await queue.enqueue([{ name: 'test.sleep', payload: { ms: 60_000, die: true } }])
    for (let deaths = 0; deaths < 5; deaths++) {
      const child = await backend.spawnWorker({ concurrency: 1, leaseMs: 300 })
      // A killer that is held back after it was freed is due at once.
      await until(
        'it takes its worker along',
        async () => {
          await queue.retry(id!)
          return child.exitCode !== null || child.signalCode !== null
        },
        15_000,
      )
      await withWorker(
        queue,
        { 'q5.nothing': async () => {} },
        () => until('it is freed', async () => (await queue.get(id!))!.state !== 'running'),
        { leaseMs: 300 },
      )
    }
    const job = (await queue.get(id!))!
    assert.equal(job.state, 'dead')
    assert.match(job.error!, /worker died/)
  })

  promise('Q4', 'a worker that was paused past its lease cannot finish what others have', async () => {
    const { backend, queue } = parts()
    const begun: string[] = []
    const child = await backend.spawnWorker({ concurrency: 3, leaseMs: 600 })
    listen(child, begun)
    const ids = await queue.enqueue(
      Array.from({ length: 12 }, (_, i) => ({ name: 'test.sleep', payload: { ms: 300, i } })),
    )
    await until('three run', () => begun.length === 3)
    child.kill('SIGSTOP')
    const ending = gate()
    const { handler, runs } = recorder(() => ending.opened)
    await withWorker(
      queue,
      { 'test.sleep': handler },
      async () => {
        await until('all are taken over', () => runs.length === 12)
        child.kill('SIGCONT')
        await until('the paused one has tried', () => begun.includes('lost'))
        assert.deepEqual(
          (await queue.list({ ids, state: 'done' })).map((row) => row.id),
          [],
          'the paused worker finished a job of others',
        )
        assert.equal(
          new Set(begun.filter((id) => id !== 'lost')).size,
          3,
          'the paused worker began more jobs after its lease had ended',
        )
        ending.open()
        await until('all are done', async () => (await queue.list({ ids, state: 'done' })).length === 12)
      },
      { concurrency: 12, leaseMs: 600 },
    )
    const died = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await died
    assert.equal(runs.length, 12)
  })
}

function listen(child: ChildProcess, begun: string[]): void {
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    for (const [, id] of text.matchAll(/began (\d+)/g)) begun.push(id!)
    if (text.includes('lost')) begun.push('lost')
  })
}

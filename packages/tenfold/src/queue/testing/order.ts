/** Who goes first: Q23 to Q26. */
import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { quiet, recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { Queue, RunningJob } from '../queue.ts'

export function describeOrder(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  promise('Q23', 'tenants take turns within a priority', async () => {
    const { queue } = parts()
    const { handler, runs } = recorder()
    const jobsOf = (tenant: string, count: number, priority = 0) =>
      Array.from({ length: count }, (_, i) => ({ name: 'q23.fair', tenant, priority, payload: `${tenant}${i}` }))
    await queue.enqueue([...jobsOf('a', 50), ...jobsOf('b', 3), ...jobsOf('c', 2), ...jobsOf('d', 2, 10)])
    await withWorker(queue, { 'q23.fair': handler }, () => until('all ran', () => runs.length === 57), {
      concurrency: 1,
    })
    const order = runs.map((job) => job.payload as string)
    assert.deepEqual(order.slice(0, 2), ['d0', 'd1'])
    assert.deepEqual(
      ['a', 'b', 'c'].map((tenant) => order.slice(2, 10).filter((payload) => payload.startsWith(tenant)).length),
      [3, 3, 2],
    )
    assert.deepEqual(
      order.filter((payload) => payload.startsWith('a')),
      Array.from({ length: 50 }, (_, i) => `a${i}`),
    )
  })

  promise('Q23', 'jobs of tenants and jobs without share a worker', async () => {
    const { queue } = parts()
    const { handler, runs } = recorder(() => quiet(2))
    for (const concurrency of [1, 4]) {
      const before = runs.length
      await queue.enqueue([
        ...Array.from({ length: 40 }, (_, i) => ({ name: 'q23.plain', payload: i })),
        ...Array.from({ length: 40 }, (_, i) => ({ name: 'q23.tenants', tenant: `t${i % 4}` })),
      ])
      await withWorker(
        queue,
        { 'q23.plain': handler, 'q23.tenants': handler },
        () => until('all ran', () => runs.length === before + 80),
        { concurrency },
      )
      const names = runs.slice(before, before + 30).map((job) => job.name)
      assert.ok(new Set(names).size === 2, `with ${concurrency} places only ${names[0]} ran`)
    }
  })

  promise('Q24', 'no more begin in any window than the rate allows, over two workers', async () => {
    const { backend, queue } = parts()
    const began = new Map<string, number[]>()
    const handler = async ({ id, payload }: RunningJob): Promise<void> => {
      const { startedAt } = (await queue.get(id))!
      began.set(payload as string, [...(began.get(payload as string) ?? []), startedAt!])
    }
    const rate = { max: 5, perMs: 400 }
    await queue.enqueue(
      Array.from({ length: 36 }, (_, i) => {
        const key = `k${i % 2}`
        return { name: 'q24.rate', payload: key, rate: { ...rate, key } }
      }),
    )
    const started = Date.now()
    await withWorker(queue, { 'q24.rate': handler }, () =>
      withWorker(backend.open(), { 'q24.rate': handler }, () =>
        until('all ran', () => [...began.values()].flat().length === 36, 15_000),
      ),
    )
    for (const [key, unsorted] of began) {
      const times = unsorted.toSorted((a, b) => a - b)
      for (let i = rate.max; i < times.length; i++) {
        const window = times[i]! - times[i - rate.max]!
        // Without the rate all would begin at once; times are read on a machine that is busy with other things.
        assert.ok(window >= rate.perMs - 100, `${rate.max + 1} of ${key} began within ${window} ms`)
      }
    }
    assert.ok(Date.now() - started < 6000, `took ${Date.now() - started} ms, though 3 windows were needed`)
  })

  promise('Q25', 'limits per key and of the whole name hold together', async () => {
    const { backend, queue } = parts()
    const now = new Map<string, number>()
    let together = 0
    let most = 0
    let mostOfKey = 0
    const { handler, runs } = recorder(async ({ payload }) => {
      const key = payload as string
      now.set(key, (now.get(key) ?? 0) + 1)
      together++
      most = Math.max(most, together)
      mostOfKey = Math.max(mostOfKey, now.get(key)!)
      await quiet(15)
      now.set(key, now.get(key)! - 1)
      together--
    })
    await queue.enqueue(
      Array.from({ length: 48 }, (_, i) => ({
        name: 'q25.total',
        payload: `k${i % 4}`,
        concurrency: { key: `k${i % 4}`, limit: 2, total: 5 },
      })),
    )
    await withWorker(queue, { 'q25.total': handler }, () =>
      withWorker(backend.open(), { 'q25.total': handler }, () => until('all ran', () => runs.length === 48, 20_000)),
    )
    assert.deepEqual([most, mostOfKey], [5, 2])
  })

  promise('Q25', 'a limit without a key is of the whole name', async () => {
    const { queue } = parts()
    let now = 0
    let most = 0
    const { handler, runs } = recorder(async () => {
      most = Math.max(most, ++now)
      await quiet(5)
      now--
    })
    await queue.enqueue(Array.from({ length: 20 }, () => ({ name: 'q25.name', concurrency: { limit: 3 } })))
    await withWorker(queue, { 'q25.name': handler }, () => until('all ran', () => runs.length === 20))
    assert.equal(most, 3)
  })

  promise('Q26', 'a job that waits for long is not starved by more urgent ones', async () => {
    const { queue } = parts()
    const { handler, runs } = recorder(() => quiet(10))
    let flooding = true
    const urgent = Array.from({ length: 40 }, () => ({ name: 'q26.age', priority: 100, payload: 'urgent' }))
    const flood = async (): Promise<void> => {
      while (flooding) {
        await queue.enqueue(urgent)
        await quiet(100)
      }
    }
    await queue.enqueue(urgent)
    const [old] = await queue.enqueue([{ name: 'q26.age', priority: -100, payload: 'old' }])
    const flooded = flood()
    await withWorker(
      queue,
      { 'q26.age': handler },
      async () => {
        await until('it ran', () => runs.some((job) => job.id === old), 8000)
        assert.ok((await queue.summary()).find((row) => row.name === 'q26.age')!.waiting > 0, 'no flood')
        flooding = false
        await flooded
      },
      { concurrency: 2, starvedMs: 500 },
    )
    await until('it is done', async () => (await queue.get(old!))?.state === 'done')
    assert.equal((await queue.get(old!))!.priority, -100, 'its own priority is shown')
  })
}

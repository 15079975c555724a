import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { EventDelivery, Queue, RunningJob } from '../queue.ts'

export function describeEvents(promise: Promised, parts: () => { backend: QueueBackend; queue: Queue }): void {
  promise('Q16', 'each event becomes one job per subscriber, over three relays', async () => {
    const { backend, queue } = parts()
    const subscriptions = new Map([['orders.placed', ['mail.send', { job: 'stats.count', maxAttempts: 2 }]]])
    const relays = [backend.open(), backend.open(), queue].map((q) => q.relay({ subscriptions }))
    await Promise.all(relays.map((relay) => relay.start()))
    const mail = recorder()
    const stats = recorder()
    await withWorker(queue, { 'mail.send': mail.handler, 'stats.count': stats.handler }, async () => {
      const publishing = Array.from({ length: 200 }, (_, n) =>
        backend.transaction(async (tx) => {
          await queue.publish([{ name: 'orders.placed', payload: { n } }], tx)
          if (n % 4 === 0) throw new Error('rolled back')
        }),
      )
      const results = await Promise.allSettled(publishing)
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 150)
      await queue.publish([{ name: 'orders.placed', payload: { n: 1000 } }, { name: 'nobody.listens' }])
      await until('all arrived', () => mail.runs.length >= 151 && stats.runs.length >= 151)
    })
    await Promise.all(relays.map((relay) => relay.stop()))
    for (const { runs } of [mail, stats]) {
      const numbers = runs.map((job) => ((job.payload as EventDelivery).payload as { n: number }).n)
      assert.equal(new Set(numbers).size, 151)
      assert.equal(numbers.length, 151)
      assert.ok(numbers.every((n) => n === 1000 || n % 4 !== 0))
    }
    assert.equal(stats.runs[0]!.lastAttempt, false)
    const [one, other] = [mail, stats].map(
      ({ runs }) => new Set(runs.map((job) => (job.payload as EventDelivery).eventId)),
    )
    assert.deepEqual([...one!].sort(), [...other!].sort(), 'the id of an event is the same for all its subscribers')
  })

  promise(
    'Q16',
    'in a crowd each event has its own outcome and its own id, and a slow one holds up no other',
    async () => {
      const { backend, queue } = parts()
      const slow = Promise.withResolvers<void>()
      const runs: { n: number; id: string; attempt: number; shown: boolean }[] = []
      const steps: number[] = []
      const handler = async (job: RunningJob): Promise<void> => {
        const { n } = (job.payload as EventDelivery).payload as { n: number }
        const shown = n % 100 === 9 ? (await queue.get(job.id)) !== undefined : true
        runs.push({ n, id: job.id, attempt: job.attempt, shown })
        if (n === 5) await slow.promise
        if (n === 9) await job.step('charge', async () => void steps.push(n))
        if (n % 50 === 9 && job.attempt === 1) throw new Error('once')
      }
      const events = Array.from({ length: 600 }, (_, n) => ({ name: 'crowd.came', payload: { n } }))
      await backend.transaction((tx) => Promise.all(events.map((event) => queue.publish([event], tx))))
      const relay = queue.relay({
        subscriptions: new Map([['crowd.came', [{ job: 'q16.crowd', backoff: { baseMs: 20 }, timeoutMs: 0 }]]]),
      })
      await relay.start()
      await withWorker(queue, { 'q16.crowd': handler }, async () => {
        await until('all came, and those that failed once more', () => runs.length >= 612, 30_000)
        const waiting = async (): Promise<number> =>
          (await queue.summary()).reduce(
            (sum, row) => sum + (row.name === 'q16.crowd' ? row.waiting + row.delayed : 0),
            0,
          )
        await until('nothing is left but the slow one', async () => (await waiting()) === 0)
        slow.resolve()
      })
      await relay.stop()
      assert.equal(runs.length, 612)
      for (const [n, of] of Map.groupBy(runs, (run) => run.n)) {
        assert.deepEqual(
          of.map(({ attempt }) => attempt),
          n % 50 === 9 ? [1, 2] : [1],
          `attempts of ${n}`,
        )
        assert.equal(new Set(of.map(({ id }) => id)).size, 1, `event ${n} keeps its id`)
      }
      assert.equal(new Set(runs.map(({ id }) => id)).size, 600)
      assert.deepEqual(steps, [9])
      assert.ok(
        runs.every(({ shown }) => shown),
        'each can be looked at under its id',
      )
    },
  )

  promise(
    'Q34',
    'the events of one key come in order, over three relays and two workers, failures included',
    async () => {
      const { backend, queue } = parts()
      const subscriptions = new Map([
        ['stock.moved', [{ job: 'q34.ordered', ordered: true, backoff: { baseMs: 20 } }, 'q34.free']],
      ])
      const relays = [backend.open(), backend.open(), queue].map((q) => q.relay({ subscriptions }))
      await Promise.all(relays.map((relay) => relay.start()))
      const seen = new Map<string, number[]>()
      const ordered = async (job: RunningJob): Promise<void> => {
        const { key, n } = (job.payload as EventDelivery).payload as { key: string; n: number }
        if (n % 7 === 3 && job.attempt === 1) throw new Error('once')
        seen.set(key, [...(seen.get(key) ?? []), n])
      }
      const free = recorder()
      const handlers = { 'q34.ordered': ordered, 'q34.free': free.handler }
      await withWorker(queue, handlers, () =>
        withWorker(backend.open(), handlers, async () => {
          for (let n = 0; n < 20; n++) {
            await queue.publish(['a', 'b', 'c'].map((key) => ({ name: 'stock.moved', key, payload: { key, n } })))
          }
          await until('all arrived', () => [...seen.values()].flat().length === 60 && free.runs.length === 60, 20_000)
        }),
      )
      await Promise.all(relays.map((relay) => relay.stop()))
      for (const numbers of seen.values())
        assert.deepEqual(
          numbers,
          Array.from({ length: 20 }, (_, n) => n),
        )
    },
  )

  promise('Q35', 'one subscriber gets the events of a time again', async () => {
    const { queue } = parts()
    const relay = queue.relay({ subscriptions: new Map([['replay.me', ['q35.old']]]) })
    await relay.start()
    const old = recorder()
    const young = recorder()
    await withWorker(queue, { 'q35.old': old.handler, 'q35.new': young.handler }, async () => {
      await queue.publish([{ name: 'replay.me', payload: 1 }])
      await until('it arrived', () => old.runs.length === 1)
      const since = new Date((old.runs[0]!.payload as EventDelivery).publishedAt - 60_000)
      const options = { event: 'replay.me', subscriber: 'q35.new' }
      assert.equal(await queue.replay({ ...options, since: new Date(0), until: since }), 0)
      assert.equal(await queue.replay({ ...options, since, until: new Date(Date.now() + 60_000) }), 1)
      await until('it came again', () => young.runs.length === 1)
      assert.deepEqual(young.runs[0]!.payload, old.runs[0]!.payload)
    })
    assert.equal(old.runs.length, 1)
    await relay.stop()
  })
}

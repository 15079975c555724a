import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { recorder, until, withWorker, type QueueBackend } from './harness.ts'
import type { EventDelivery, Queue } from '../queue.ts'

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
}

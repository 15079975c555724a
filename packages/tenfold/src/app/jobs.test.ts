import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { contract, defineModule } from '../modules/index.ts'
import { giveUp } from '../queue/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './define.ts'

function ordersModule() {
  const ran: string[] = []
  const input = z.object({ id: z.string(), account: z.string().default('a') })
  const shape = contract('orders', {}, { paid: z.object({ order: z.string(), cents: z.number() }) })
  const m = defineModule('orders')
  const paid = m.event(shape.events.paid)
  const order = m.job('order', {
    input,
    encrypt: true,
    tenant: (one) => one.account ?? 'a',
    async run({ input: one, step, sleep, waitForEvent, attempt }) {
      const charge = await step('charge', async () => ran.push(`charge ${one.id}`))
      if (attempt === 1 && one.id === 'twice') throw new Error('again')
      await sleep(20)
      const payment = await waitForEvent(shape.events.paid, { match: { order: one.id }, timeout: '1m' })
      return { charge, cents: payment?.cents }
    },
    retry: () => 10,
  })
  const index = m.job('index', {
    input,
    batch: { size: 5, wait: 50 },
    async runBatch({ items }) {
      ran.push(`index ${items.map((item) => item.input.id).join()}`)
      return items.map((item) => (item.input.id === '3' ? giveUp('not three') : item.input.id))
    },
  })
  const total = m.job('total', {
    input: z.object({}),
    run: async ({ after: parts }) => parts.map(({ result }) => result),
  })
  const book = m.on(shape.events.paid, 'book', {
    once: true,
    ordered: true,
    attempts: 3,
    backoff: { base: 5 },
    async run({ event, tx, attempt }) {
      await sql`insert into orders.booked (cents) values (${event.cents})`.execute(tx)
      if (attempt === 1) throw new Error('after the write')
    },
  })
  return { ran, paid, order, index, total, module: m.build({ parts: [paid, order, index, total, book], migrations }) }
}

const migrations = new URL('./jobs.fixtures/', import.meta.url)

it('jobs that cannot work are refused at start, all at once', async () => {
  const m = defineModule('bad')
  const input = z.object({})
  const run = async (): Promise<void> => {}
  const parts = [
    m.job('rate', { input, rate: { max: 0, per: '2d' }, run }),
    m.job('batch', { input, batch: { size: 0, wait: 1 }, runBatch: async () => {} }),
    m.job('both', { input, run, batch: { size: 1, wait: 1 } } as never),
  ]
  await assert.rejects(startTestApp(app({ name: 'bad', modules: [m.build({ parts })] })), ({ message }: Error) => {
    for (const part of [
      "'bad.rate' needs a `rate` whose",
      "'bad.rate' needs a `rate` over",
      "'bad.batch'",
      "'bad.both'",
    ])
      assert.ok(message.includes(part), `${part} is missing in ${message}`)
    return true
  })
})

describe('an app with jobs', () => {
  const { ran, paid, order, index, total, module } = ordersModule()
  let running: TestApp
  before(async () => {
    running = await startTestApp(app({ name: 'jobs', modules: [module] }), { roles: ['worker'] })
  })
  after(() => running.close())
  const stateOf = async (id: string) => (await running.instance.queue.get(id))?.state
  const becomes = async (id: string, state: string): Promise<void> => {
    for (
      const deadline = Date.now() + 15_000;
      (await stateOf(id)) !== state;
      await new Promise((r) => setTimeout(r, 10))
    )
      assert.ok(Date.now() < deadline, `${id} did not become ${state}, but ${await stateOf(id)}`)
  }

  it('a job goes on after its steps, its sleep and its event; its input is encrypted', async () => {
    const id = await running.run(() => order.enqueue({ id: 'twice' }))
    assert.doesNotMatch(JSON.stringify(await running.instance.queue.get(id)), /twice/)
    const { orders } = { orders: running.db('orders') }
    await running.run(() =>
      orders.transaction((tx) => paid.publish({ order: 'twice', cents: 5 }, { tx, key: 'twice' })),
    )
    await becomes(id, 'done')
    assert.deepEqual(
      ran.filter((one) => one.startsWith('charge')),
      ['charge twice'],
    )
  })

  it('a subscriber with `once` writes once, however often it is tried', async () => {
    const orders = running.db('orders')
    const rows = async () =>
      (await sql<{ n: number }>`select count(*)::int as n from orders.booked`.execute(orders)).rows[0]!.n
    for (const deadline = Date.now() + 10_000; (await rows()) === 0; await new Promise((r) => setTimeout(r, 10)))
      assert.ok(Date.now() < deadline)
    await running.drain()
    assert.equal(await rows(), 1)
  })

  it('a batch, and a job after it with the results', async () => {
    const last = await running.run(async () => {
      const ids = await index.enqueueMany(['1', '2', '3', '4', '5'].map((id) => ({ id })))
      return total.enqueue({}, { after: ids, afterFailure: 'run' })
    })
    await becomes(last, 'done')
    assert.deepEqual((await running.instance.queue.get(last))!.result, ['1', '2', null, '4', '5'])
    assert.ok(ran.includes('index 1,2,3,4,5'))
  })

  it('cancels a job', async () => {
    const id = await running.run(() => total.enqueue({}, { delay: '1h' }))
    assert.equal(await running.run(() => total.cancel(id, 'not needed')), true)
    assert.equal(await stateOf(id), 'cancelled')
  })
})

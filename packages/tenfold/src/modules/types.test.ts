/** What must compile and what must not: each `@ts-expect-error` fails the type check if its line compiles after all.
 *  The tests below only make sure that the definitions are inert. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { z } from 'zod'
import type { Generated } from 'kysely'
import type { User } from '../kernel/index.ts'
import { stream } from '../http/index.ts'
import { contract, defineModule, tables, type ContextOf } from './index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>): void => {}

const Charge = z.object({ cents: z.int(), key: z.string() })
const Receipt = z.object({ id: z.string(), cents: z.int() })
const billing = contract(
  'billing',
  { charge: { input: Charge, output: Receipt } },
  { refunded: z.object({ id: z.string() }) },
)
const catalog = contract('catalog', { price: { input: z.string(), output: z.number() } })

interface OrdersTables {
  orders: { id: Generated<string>; cents: number; state: 'placed' | 'paid' }
}

const m = defineModule('orders', {
  uses: { billing },
  tables: tables<OrdersTables>(),
  settings: z.object({ FRAUD_LIMIT: z.coerce.number() }),
})
const Told = z.object({ from: z.string() })
const told = m.live('told', { message: Told })
const counted = m.live('counted', { message: z.object({ count: z.number() }) })
const chat = m.socket('GET /rooms/:room', {
  auth: 'user',
  receive: z.object({ text: z.string() }),
  send: Told,
  async opened({ params, socket }) {
    await socket.follow(told, params.room)
    // @ts-expect-error messages that this socket does not send
    await socket.follow(counted, params.room)
  },
  async message({ message, params, user, socket, db }) {
    same<typeof message, { text: string }>(true)
    same<typeof params, { room: string }>(true)
    same<typeof user, User>(true)
    await db.selectFrom('orders').select('id').execute()
    await socket.send({ from: user.id })
    // @ts-expect-error what the socket does not send
    await socket.send({ text: message.text })
  },
})
const Order = z.object({ id: z.string(), cents: z.number() })

const receipt = m.job('send-receipt', {
  input: z.object({ orderId: z.string() }),
  async run({ input, db, call, settings, attempt, progress }) {
    same<typeof input, { orderId: string }>(true)
    same<typeof settings, { FRAUD_LIMIT: number }>(true)
    same<typeof attempt, number>(true)
    progress(0.5)
    const row = await db.selectFrom('orders').select(['id', 'cents']).executeTakeFirstOrThrow()
    same<typeof row, { id: string; cents: number }>(true)
    const paid = await call.billing.charge({ cents: row.cents, key: row.id })
    same<typeof paid, { id: string; cents: number }>(true)
    // @ts-expect-error a table that this module does not have
    await db.selectFrom('customers').selectAll().execute()
    // @ts-expect-error a column that the table does not have
    await db.selectFrom('orders').select('colour').execute()
    // @ts-expect-error a value that the column does not take
    await db.updateTable('orders').set({ state: 'lost' }).execute()
    // @ts-expect-error a contract that is not in `uses`
    await call.catalog.price('x')
    // @ts-expect-error a method that the contract does not have
    await call.billing.refund({ id: 'x' })
    // @ts-expect-error input that does not fit the contract
    await call.billing.charge({ cents: 'ten', key: 'k' })
    // @ts-expect-error a result used as what it is not
    paid.receiptNumber satisfies string
  },
})

const place = m.route('POST /orders/:shop/lines/:line', {
  auth: 'user',
  params: z.object({ shop: z.uuid(), line: z.coerce.number() }),
  query: z.object({ dry: z.stringbool().default(false) }),
  headers: z.object({ 'idempotency-key': z.string(), 'x-copies': z.coerce.number().optional() }),
  body: z.object({ cents: z.int() }),
  reply: Order,
  limit: { by: 'user', max: 20, per: '1m' },
  handler: async ({ params, query, headers, body, user, session, db }) => {
    same<typeof params, { shop: string; line: number }>(true)
    same<typeof query, { dry: boolean }>(true)
    same<typeof headers, { 'idempotency-key': string; 'x-copies'?: number | undefined }>(true)
    same<typeof body, { cents: number }>(true)
    same<typeof user, User>(true)
    await session.signIn({ id: user.id })
    return db.transaction(async (tx) => {
      await receipt.enqueue({ orderId: 'x' }, { tx })
      // @ts-expect-error a job's input that does not fit
      await receipt.enqueue({ orderId: 1 }, { tx })
      return tx
        .insertInto('orders')
        .values({ cents: body.cents, state: 'placed' })
        .returningAll()
        .executeTakeFirstOrThrow()
    })
  },
})

/** A function of its own that a handler may pass its context to. */
export async function openOrders({ db, call }: ContextOf<typeof m>): Promise<number> {
  // @ts-expect-error a contract that is not in `uses`
  void call.catalog
  return (await db.selectFrom('orders').select('cents').executeTakeFirstOrThrow()).cents
}

export function wrongDefinitions(): void {
  m.route('GET /a', {
    auth: 'public',
    reply: Order,
    // @ts-expect-error a reply that lacks a field of its schema
    handler: () => ({ id: 'x' }),
  })
  m.route('GET /b/:id', { auth: 'public', reply: Order, handler: ({ params }) => ({ id: params.id, cents: 1 }) })
  // @ts-expect-error a parameter that the path does not have
  m.route('GET /c/:id', { auth: 'public', handler: ({ params }) => void params.name })
  m.route('GET /d/:id', {
    auth: 'public',
    // @ts-expect-error params that describe something else than the path
    params: z.object({ key: z.string() }),
    handler: () => {},
  })
  // @ts-expect-error auth must be said
  m.route('GET /e', { handler: () => {} })
  // @ts-expect-error a path without a method
  m.route('/f', { auth: 'public', handler: () => {} })
  m.route('GET /g', { auth: 'public', handler: ({ user }) => same<typeof user, undefined>(true) })
  m.route('GET /h', { auth: 'optional', handler: ({ user }) => same<typeof user, User | undefined>(true) })
  m.route('PUT /i', { auth: { role: 'admin' }, body: 'stream', handler: ({ body }) => void body.pipe })
  m.route('GET /j', { auth: 'public', reply: Order, handler: () => stream(Readable.from([]), { type: 'text/csv' }) })
  // @ts-expect-error a duration that is none
  m.job('k', { input: z.string(), timeout: '5 minutes', run: async () => {} })
  // @ts-expect-error an event of a contract that is not in `uses`
  m.on(contract('media', {}, { resized: z.string() }).events.resized, 'on-resized', { run: async () => {} })
  m.on(billing.events.refunded, 'on-refund', { run: async ({ event }) => same<typeof event, { id: string }>(true) })
  const bill = defineModule('billing')
  // @ts-expect-error a contract without one of its methods
  bill.implement(billing, {})
  // @ts-expect-error a method whose result does not fit
  bill.implement(billing, { charge: async ({ input }) => ({ id: input.key }) })
  // @ts-expect-error the contract of another module
  m.implement(billing, { charge: async () => ({ id: '1', cents: 1 }) })
  // @ts-expect-error a contract under a name that is not its own
  defineModule('x', { uses: { payments: billing } })
  // @ts-expect-error a part of another module
  bill.build({ parts: [receipt] })
  const product = m.cache('product', {
    ttl: '5m',
    load: async (id: string, { db }) => db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst(),
  })
  // @ts-expect-error a key of another type
  void product.get(5)
  const order = m.loader('order', {
    by: 'id',
    load: (ids: string[], { db }) => db.selectFrom('orders').selectAll().where('id', 'in', ids).execute(),
  })
  type OrderRow = { id: string; cents: number; state: 'placed' | 'paid' }
  void order.load('x').then((row) => same<typeof row, OrderRow | undefined>(true))
  // @ts-expect-error a key of another type
  void order.load(5)
  const byState = m.loader('by-state', {
    by: 'state',
    many: true,
    load: (states: string[], { db }) =>
      db.selectFrom('orders').select(['id', 'state']).where('id', 'in', states).execute(),
  })
  void byState.load('paid').then((rows) => same<typeof rows, { id: string; state: 'placed' | 'paid' }[]>(true))
  const total = m.loader('total', {
    missing: 'error',
    load: async (ids: string[]) => new Map(ids.map((id) => [id, 5])),
  })
  void total.loadMany(['x']).then((totals) => same<typeof totals, number[]>(true))
  m.loader('wrong', {
    // @ts-expect-error a column that the rows do not have
    by: 'colour',
    load: (ids: string[], { db }) => db.selectFrom('orders').selectAll().where('id', 'in', ids).execute(),
  })
  const prices = contract('prices', { price: { input: z.string(), output: z.number(), batch: true } })
  const shop = defineModule('shop', { uses: { prices } })
  shop.job('ask', {
    input: z.string(),
    run: async ({ call }) => {
      same<Awaited<ReturnType<typeof call.prices.price>>, number>(true)
      const all = await call.prices.price.many(['a', 'b'])
      same<typeof all, number[]>(true)
      // @ts-expect-error many inputs where one is meant
      await call.prices.price(['a'])
    },
  })
  defineModule('prices').implement(prices, { price: async ({ inputs }) => inputs.map((name) => name.length) })
  // @ts-expect-error one output for many inputs
  defineModule('prices').implement(prices, { price: async ({ inputs }) => inputs.length })
  const rate = m.metric('success', { kind: 'ratio', help: 'Orders that went well.', dimensions: ['country'] })
  rate.record(true, { country: 'DE' })
  // @ts-expect-error a dimension that was not declared
  rate.record(true, { city: 'Bonn' })
}

test('definitions are inert values with permanent names', () => {
  assert.deepEqual(
    [receipt.kind, receipt.name, place.path],
    ['job', 'orders.send-receipt', 'POST /orders/:shop/lines/:line'],
  )
  const module = m.build({ parts: [receipt, place, told, counted, chat] })
  assert.deepEqual([module.name, Object.keys(module.uses), module.parts.length], ['orders', ['billing'], 5])
  assert.equal(catalog.name, 'catalog')
})

test('a definition called outside of a running app says what to do', async () => {
  await assert.rejects(receipt.enqueue({ orderId: '1' }), { code: 'TF_NO_SCOPE' })
})

test('names that cannot be kept for ever, parts of other modules and names used twice are refused', () => {
  assert.throws(() => m.job('Send Receipt', { input: z.string(), run: async () => {} }), { code: 'TF_BAD_NAME' })
  for (const name of ['tenfold', 'public', 'pg_x', 'Orders', 'x_owner']) {
    assert.throws(() => defineModule(name), { code: 'TF_BAD_NAME' }, name)
  }
  const other = defineModule('other').job('a', { input: z.string(), run: async () => {} })
  assert.throws(() => m.build({ parts: [other as never] }), { code: 'TF_FOREIGN_PART' })
  const a = m.job('a', { input: z.string(), run: async () => {} })
  const again = m.cron('a', '* * * * *', { run: async () => {} })
  assert.throws(() => m.build({ parts: [a, again] }), { code: 'TF_DUPLICATE_NAME' })
})

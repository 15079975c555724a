/** One statement or call for each row, in jobs, crons, writes, and between modules. */
import type { Case } from '../store.ts'

const label = 'n-plus-one'
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

export const work: Case[] = [
  {
    name: 'inserts of rows that were read before',
    label,
    names: /insert into "invoice"/,
    async run({ db }) {
      const due = await db.selectFrom('subscription').select('id').where('due', '=', true).execute()
      for (const { id } of due) await db.insertInto('invoice').values({ subscription_id: id }).execute()
    },
  },
  {
    name: 'inserts in one transaction',
    label,
    names: /insert into "invoice"/,
    run: ({ db }) =>
      db.transaction(async (tx) => {
        const due = await tx.selectFrom('subscription').select('id').where('due', '=', true).execute()
        for (const { id } of due) await tx.insertInto('invoice').values({ subscription_id: id }).execute()
      }),
  },
  {
    name: 'a new price for each product',
    label,
    names: /update "product"/,
    async run({ db }) {
      const products = await db.selectFrom('product').selectAll().orderBy('name').limit(15).execute()
      for (const { id, price } of products) {
        await db
          .updateTable('product')
          .set({ price: Math.round(price * 1.01) })
          .where('id', '=', id)
          .execute()
      }
    },
  },
  {
    name: 'updates in one transaction, all at once',
    label,
    names: /update "customer"/,
    run: ({ db }) =>
      db.transaction(async (tx) => {
        const { rows } = await tx.sql<{ customer_id: string; n: number }>`
          select customer_id, count(*) as n from orders group by customer_id limit 10`
        await Promise.all(
          rows.map((row) =>
            tx.updateTable('customer').set({ visits: row.n }).where('id', '=', row.customer_id).execute(),
          ),
        )
      }),
  },
  {
    name: 'upserts, one by one',
    label,
    names: /insert into preference/,
    async run({ db }) {
      const { rows } = await db.sql<{ id: string }>`select id from customer limit 8`
      for (const { id } of rows) {
        await db.sql`insert into preference (customer_id, weekly) values (${id}, true)
          on conflict (customer_id) do update set weekly = excluded.weekly`
      }
    },
  },
  {
    name: 'deletes in a cron',
    label,
    as: 'cron',
    names: /delete from "post_like"/,
    async run({ db }) {
      const old = await db.selectFrom('post_like').select('post_id').where('user_id', '=', 3).limit(10).execute()
      for (const { post_id } of old) {
        await db.deleteFrom('post_like').where('user_id', '=', 99).where('post_id', '=', post_id).execute()
      }
    },
  },
  {
    name: 'the preference of each subscriber, in a job',
    label,
    as: 'job',
    given: { week: 12 },
    names: /from "preference"/,
    async run({ db }) {
      const subscriptions = await db.selectFrom('subscription').select('customer_id').execute()
      for (const { customer_id } of subscriptions) {
        await db.selectFrom('preference').select('weekly').where('customer_id', '=', customer_id).execute()
      }
    },
  },
  {
    name: 'the customer of each message, with a call outside in between',
    label,
    as: 'job',
    given: {},
    names: /from "customer"/,
    async run({ db, deliver }) {
      for (const { customer_id } of await db.selectFrom('subscription').select('customer_id').limit(6).execute()) {
        await db.selectFrom('customer').select('email').where('id', '=', customer_id).execute()
        await deliver(customer_id)
      }
    },
  },
  {
    name: 'products of the cart in the body of the request',
    label,
    given: { lines: Array.from({ length: 6 }, (_, i) => ({ productId: uuid(i), quantity: 1 })) },
    names: /from "product"/,
    async run({ db, given }) {
      for (const line of given.lines) {
        await db.selectFrom('product').select(['name', 'price']).where('id', '=', line.productId).execute()
      }
    },
  },
  {
    name: 'ids in the input of a job',
    label,
    as: 'job',
    given: { ids: Array.from({ length: 9 }, (_, i) => uuid(100 + i)) },
    names: /from "customer"/,
    async run({ db, given }) {
      for (const id of given.ids) await db.selectFrom('customer').select('email').where('id', '=', id).execute()
    },
  },
  {
    name: 'calls to another module, one by one',
    label,
    names: /^catalog\.product$/,
    async run({ db, call }) {
      const lines = await db.selectFrom('order_line').select('product_id').limit(9).execute()
      for (const { product_id } of lines) await call.catalog.product(product_id)
    },
  },
  {
    name: 'calls to another module, all at once',
    label,
    names: /^catalog\.product$/,
    async run({ db, call }) {
      const lines = await db.selectFrom('order_line').select('product_id').limit(9).execute()
      await Promise.all(lines.map(({ product_id }) => call.catalog.product(product_id)))
    },
  },
  {
    name: 'calls with an object, of which one field is the key',
    label,
    names: /^catalog\.priceOf$/,
    async run({ db, call }) {
      const lines = await db.selectFrom('order_line').select('product_id').limit(7).execute()
      for (const { product_id } of lines) await call.catalog.priceOf({ productId: product_id, currency: 'EUR' })
    },
  },
  {
    name: 'a query for each row that a call returned',
    label,
    names: /from "order_line"/,
    async run({ db, call }) {
      const { rows } = await db.sql<{
        ids: string[]
      }>`select array_agg(id::text) as ids from (select id from product limit 6) p`
      for (const { id } of await call.catalog.products(rows[0]!.ids)) {
        await db.selectFrom('order_line').select('quantity').where('product_id', '=', id).execute()
      }
    },
  },
]

/** The same statement again and again, and right so: what a rule that only counts takes for N+1. */
import { setTimeout as after } from 'node:timers/promises'
import { sql } from '../../../packages/tenfold/src/index.ts'
import type { Case } from '../store.ts'
import { customerOf } from '../store.ts'

const label = 'fine'
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

export const lookalikes: Case[] = [
  {
    name: 'keyset paging by id',
    label,
    as: 'job',
    given: {},
    async run({ db }) {
      let last = uuid(0)
      for (let pages = 0; pages < 1000; pages++) {
        const page = await db
          .selectFrom('customer')
          .select('id')
          .where('id', '>', last)
          .orderBy('id')
          .limit(5)
          .execute()
        if (page.length === 0) return
        last = page.at(-1)!.id
      }
      throw new Error('there is always another page')
    },
  },
  {
    name: 'keyset paging by time and id',
    label,
    async run({ db }) {
      let [at, id] = [new Date(0), uuid(0)]
      for (let page = 0; page < 6; page++) {
        const { rows } = await db.sql<{ id: string; created_at: Date }>`
          select id, created_at from orders where (created_at, id) > (${at}, ${id}) order by created_at, id limit 8`
        const last = rows.at(-1)!
        ;[at, id] = [last.created_at, last.id]
      }
    },
  },
  {
    name: 'paging by offset',
    label,
    async run({ db }) {
      for (let page = 0; page < 7; page++) {
        await db
          .selectFrom('orders')
          .selectAll()
          .orderBy('number')
          .limit(8)
          .offset(page * 8)
          .execute()
      }
    },
  },
  {
    name: 'a page that is asked for by its number, after a list of small numbers',
    label,
    async run({ db }) {
      await db.selectFrom('author').selectAll().orderBy('id').limit(20).execute()
      for (let page = 1; page <= 6; page++) await db.sql`select id from post where id % 6 = ${page} - 1 limit 5`
    },
  },
  {
    name: 'ids in lists of ten',
    label,
    async run({ db }) {
      const ids = (await db.selectFrom('orders').select('customer_id').execute()).map((row) => row.customer_id)
      for (const some of chunks(ids, 10)) await db.selectFrom('customer').selectAll().where('id', 'in', some).execute()
    },
  },
  {
    name: 'ids in arrays of ten',
    label,
    async run({ db }) {
      const ids = (await db.selectFrom('orders').select('customer_id').execute()).map((row) => row.customer_id)
      for (const some of chunks(ids, 10)) await db.sql`select * from customer where id = any(${some})`
    },
  },
  {
    name: 'waiting for a payment',
    label,
    async run({ db }) {
      const { payment_id } = await db.selectFrom('orders').select('payment_id').limit(1).executeTakeFirstOrThrow()
      for (let i = 0; i < 5; i++) {
        await db.selectFrom('payment').select('state').where('id', '=', payment_id).execute()
        await after(110)
      }
    },
  },
  {
    name: 'a dashboard of different queries',
    label,
    run: ({ db }) =>
      Promise.all([
        db.sql`select count(*) from orders`,
        db.sql`select sum(total) from orders`,
        db.sql`select count(*) from customer`,
        db.sql`select name, stock from product order by stock limit 5`,
        db.sql`select title from post order by id desc limit 5`,
        db.sql`select count(*) from message where sent_at is null`,
      ]),
  },
  {
    name: 'a dashboard that counts each state, beside a list that shows states',
    label,
    async run({ db }) {
      await db.selectFrom('orders').selectAll().orderBy('number').limit(25).execute()
      for (const state of ['open', 'paid', 'shipped', 'returned', 'cancelled']) {
        await db.sql`select count(*) from orders where state = ${state}`
      }
    },
  },
  {
    name: 'twelve months, beside a list of small numbers',
    label,
    async run({ db }) {
      await db.selectFrom('author').selectAll().orderBy('id').limit(15).execute()
      for (let month = 1; month <= 12; month++) {
        await db.selectFrom('sale').select('amount').where('month', '=', month).limit(1).execute()
      }
    },
  },
  {
    name: 'the last seven days',
    label,
    async run({ db }) {
      await db.selectFrom('rate').selectAll().execute()
      for (let day = 1; day <= 7; day++) {
        const [from, to] = [new Date(Date.UTC(2026, 2, day)), new Date(Date.UTC(2026, 2, day + 1))]
        await db.sql`select count(*) from orders where created_at >= ${from} and created_at < ${to}`
      }
    },
  },
  {
    name: 'buckets of a histogram, beside their own values',
    label,
    async run({ db }) {
      await db.selectFrom('orders').select('total').execute()
      for (let from = 0; from < 900; from += 100) {
        await db.sql`select count(*) from orders where total between ${from} and ${from + 99}`
      }
    },
  },
  {
    name: 'a worker that takes one message after another',
    label,
    as: 'job',
    given: {},
    async run({ db }) {
      for (let i = 0; i < 8; i++) {
        const { rows } = await db.sql<{ id: string }>`
          update message set state = 'taken' where id = (
            select id from message where state = 'ready' order by id limit 1 for update skip locked) returning id`
        if (!rows[0]) return
        await db.updateTable('message').set({ state: 'done' }).where('id', '=', rows[0].id).execute()
      }
    },
  },
  {
    name: 'messages that are delivered one by one, and each marked once it is',
    label,
    as: 'job',
    given: {},
    async run({ db, deliver }) {
      const waiting = await db.selectFrom('message').select('id').where('sent_at', 'is', null).limit(8).execute()
      for (const { id } of waiting) {
        await deliver(id)
        await db.updateTable('message').set({ sent_at: new Date() }).where('id', '=', id).execute()
      }
    },
  },
  {
    name: 'messages that are delivered in parallel, and each marked once it is',
    label,
    as: 'job',
    given: {},
    async run({ db, deliver }) {
      const waiting = await db.selectFrom('message').select('id').limit(8).execute()
      await Promise.all(
        waiting.map(async ({ id }) => {
          await deliver(id)
          await db.updateTable('message').set({ sent_at: new Date() }).where('id', '=', id).execute()
        }),
      )
    },
  },
  {
    name: 'subscriptions that are billed in a transaction each',
    label,
    as: 'cron',
    async run({ db }) {
      for (const { id } of await db.selectFrom('subscription').select('id').where('due', '=', true).execute()) {
        await db.transaction(async (tx) => {
          await tx.selectFrom('subscription').select('id').where('id', '=', id).forUpdate().execute()
          await tx.insertInto('invoice').values({ subscription_id: id }).execute()
        })
      }
    },
  },
  {
    name: 'a statement that is tried again',
    label,
    async run({ db }) {
      const { id } = await db.selectFrom('product').select('id').limit(1).executeTakeFirstOrThrow()
      for (let attempt = 1; attempt <= 6; attempt++) {
        await db.updateTable('product').set({ stock: 50 }).where('id', '=', id).where('stock', '=', -1).execute()
      }
    },
  },
  {
    name: 'tenants by their names, as the configuration lists them',
    label,
    as: 'cron',
    async run({ db }) {
      for (const name of ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark']) {
        await db.selectFrom('tenant').select('id').where('name', '=', name).execute()
      }
    },
  },
  {
    name: 'flags by constant names, after a page that happens to hold such words',
    label,
    async run({ db }) {
      await db.selectFrom('post').select('category_slug').orderBy('id').limit(12).execute()
      for (const name of ['search', 'books', 'gifts', 'travel', 'coupons', 'music']) {
        await db.selectFrom('flag').select('enabled').where('name', '=', name).execute()
      }
    },
  },
  {
    name: 'rows of a file, a hundred at a time',
    label,
    async run({ db }) {
      const rows = Array.from({ length: 500 }, () => ({ id: crypto.randomUUID(), name: 'imported' }))
      for (const some of chunks(rows, 100)) await db.insertInto('imported').values(some).execute()
    },
  },
  {
    name: 'rows that were read, copied eight at a time',
    label,
    async run({ db }) {
      const rows = await db.selectFrom('customer').select(['id', 'name']).execute()
      for (const some of chunks(rows, 8)) {
        await db
          .insertInto('imported')
          .values(some)
          .onConflict((oc) => oc.column('id').doNothing())
          .execute()
      }
    },
  },
  {
    name: 'three rows, three queries',
    label,
    async run({ db }) {
      for (const order of await db.selectFrom('orders').selectAll().limit(3).execute()) {
        await db.selectFrom('customer').selectAll().where('id', '=', order.customer_id).execute()
      }
    },
  },
  {
    name: 'the same customer of ten orders',
    label,
    async run({ db }) {
      const { customer_id } = await db.selectFrom('orders').select('customer_id').limit(1).executeTakeFirstOrThrow()
      for (let i = 0; i < 10; i++) await db.selectFrom('customer').selectAll().where('id', '=', customer_id).execute()
    },
  },
  {
    name: 'a loader whose keys are asked for together',
    label,
    async run({ db }) {
      const orders = await db.selectFrom('orders').select('customer_id').limit(20).execute()
      await Promise.all(orders.map((order) => customerOf.load(order.customer_id)))
    },
  },
  {
    name: 'a call with batch, all at once',
    label,
    async run({ db, call }) {
      const lines = await db.selectFrom('order_line').select('product_id').limit(9).execute()
      await Promise.all(lines.map(({ product_id }) => call.catalog.joined(product_id)))
    },
  },
  {
    name: 'calls with a list each',
    label,
    async run({ db, call }) {
      const ids = (await db.selectFrom('product').select('id').execute()).map((row) => row.id)
      for (const some of chunks(ids, 10)) await call.catalog.products(some)
    },
  },
  {
    name: 'numbers from a sequence',
    label,
    async run({ db }) {
      for (let i = 0; i < 6; i++) await db.sql`select nextval('receipt_no') as n`
    },
  },
  {
    name: 'a lock for each tenant of a list',
    label,
    run: ({ db }) =>
      db.transaction(async (tx) => {
        for (const { id } of await tx.selectFrom('tenant').select('id').orderBy('id').execute()) {
          await tx.sql`select pg_advisory_xact_lock(hashtext(${id}))`
        }
      }),
  },
  {
    name: 'a backfill by ranges of the id',
    label,
    as: 'job',
    given: {},
    async run({ db }) {
      const { rows } = await db.sql<{ low: number; high: number }>`select min(id) as low, max(id) as high from post`
      for (let from = rows[0]!.low; from <= rows[0]!.high; from += 10) {
        await db.sql`update post set title = title where id >= ${from} and id < ${from + 10}`
      }
    },
  },
  {
    name: 'a backfill until nothing is left',
    label,
    as: 'job',
    given: {},
    async run({ db }) {
      for (let done = 1; done > 0;) {
        const result = await db.sql`update customer set visits = visits + 1000 where id in (
          select id from customer where visits < 1000 limit 8)`
        done = result.rowCount
      }
    },
  },
  {
    name: 'new rows with ids of their own',
    label,
    async run({ db }) {
      await db.selectFrom('imported').select('id').limit(50).execute()
      for (let i = 0; i < 8; i++)
        await db.insertInto('imported').values({ id: crypto.randomUUID(), name: 'new' }).execute()
    },
  },
  {
    name: 'a quiz of questions drawn at random, beside a list of small numbers',
    label,
    async run({ db }) {
      await db.selectFrom('author').select(['id', 'country']).orderBy('id').execute()
      for (const no of [17, 3, 29, 8, 35, 22, 11]) {
        await db.selectFrom('question').selectAll().where('question_no', '=', no).execute()
      }
    },
  },
  {
    name: 'four addresses of one customer',
    label,
    async run({ db }) {
      const one = await db.selectFrom('customer').selectAll().limit(1).executeTakeFirstOrThrow()
      const city = (id: string) => db.selectFrom('address').select('city').where('id', '=', id).execute()
      await Promise.all([city(one.home_id), city(one.office_id), city(one.billing_id), city(one.shipping_id)])
    },
  },
  {
    name: 'suggestions while somebody types',
    label,
    async run({ db }) {
      await db.selectFrom('category').select('slug').execute()
      for (const typed of ['g', 'ga', 'gar', 'gard', 'garde', 'garden']) {
        await db.selectFrom('category').select('slug').where('slug', 'like', `${typed}%`).limit(5).execute()
      }
    },
  },
  {
    name: 'how far a job is',
    label,
    as: 'job',
    given: {},
    async run({ db }) {
      const { job_id } = await db.selectFrom('progress').select('job_id').executeTakeFirstOrThrow()
      for (let done = 0; done < 10; done++) {
        await db.updateTable('progress').set({ done }).where('job_id', '=', job_id).execute()
      }
    },
  },
  {
    name: 'tables by constant names',
    label,
    async run({ db }) {
      await db.sql`select relname from pg_class where relkind = 'r'`
      for (const table of ['orders', 'customer', 'product', 'invoice', 'message']) {
        await db.sql`${sql.raw(`select count(*) from store.${table}`)}`
      }
    },
  },
  {
    name: 'samples at random places',
    label,
    async run({ db }) {
      await db.selectFrom('author').select('id').orderBy('id').execute()
      for (const at of [5, 12, 19, 26, 33])
        await db.selectFrom('post').selectAll().orderBy('id').offset(at).limit(1).execute()
    },
  },
  {
    name: 'an export of all rows by a cursor',
    label,
    async run({ db }) {
      const all = db.selectFrom('order_line').selectAll()
      for await (const line of db.stream(all, { batch: 20 })) void line
    },
  },
  {
    name: 'both sides of a report, each of its own',
    label,
    async run({ db }) {
      const rows = await db.selectFrom('orders').select(['id', 'customer_id']).limit(10).execute()
      const ids = rows.map((row) => row.customer_id)
      await db.selectFrom('customer').selectAll().where('id', 'in', ids).execute()
      await db.selectFrom('preference').selectAll().where('customer_id', 'in', ids).execute()
      await db.selectFrom('subscription').selectAll().where('customer_id', 'in', ids).execute()
      await db.selectFrom('orders').select('total').where('customer_id', 'in', ids).execute()
    },
  },
]

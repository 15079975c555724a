/** One query for each row, in the ways in which people write it without noticing. */
import { sql } from '../../../packages/tenfold/src/index.ts'
import type { Case, CaseContext } from '../store.ts'
import { anyCustomerOf, customerOf } from '../store.ts'

type Db = CaseContext['db']

const posts = (db: Db, limit = 12) => db.selectFrom('post').selectAll().orderBy('id').limit(limit).execute()
const orders = (db: Db, limit = 12) => db.selectFrom('orders').selectAll().orderBy('number').limit(limit).execute()
const authorById = (db: Db, id: number) => db.selectFrom('author').selectAll().where('id', '=', id).executeTakeFirst()
const customerById = async (db: Db, id: string) => {
  const { rows } = await db.sql<{ name: string }>`select name, email from customer where id = ${id}`
  return rows[0]
}
const label = 'n-plus-one'

export const reads: Case[] = [
  {
    name: 'authors of posts, awaited one by one',
    label,
    names: /from "author"/,
    async run({ db }) {
      for (const post of await posts(db)) await authorById(db, post.author_id)
    },
  },
  {
    name: 'authors of posts, all at once',
    label,
    names: /from "author"/,
    run: async ({ db }) => Promise.all((await posts(db)).map((post) => authorById(db, post.author_id))),
  },
  {
    name: 'authors of posts, five at a time',
    label,
    names: /from "author"/,
    async run({ db }) {
      const all = await posts(db, 20)
      for (let i = 0; i < all.length; i += 5) {
        await Promise.all(all.slice(i, i + 5).map((post) => authorById(db, post.author_id)))
      }
    },
  },
  {
    name: 'raw SQL in a forEach of promises',
    label,
    names: /from author/,
    async run({ db }) {
      const waiting: Promise<unknown>[] = []
      const { rows } = await db.sql<{ author_id: number }>`select author_id from post order by title limit 8`
      rows.forEach((row) => waiting.push(db.sql`select name from author where id = ${row.author_id}`))
      await Promise.all(waiting)
    },
  },
  {
    name: 'a count for each row of a list',
    label,
    names: /from comment/,
    async run({ db }) {
      const page = await posts(db, 10)
      const counts = new Map<number, number>()
      for (const { id } of page) {
        const { rows } = await db.sql<{ n: number }>`select count(*) as n from comment where post_id = ${id}`
        counts.set(id, rows[0]!.n)
      }
      return page.toSorted((a, b) => counts.get(b.id)! - counts.get(a.id)!)
    },
  },
  {
    name: 'the latest comment of each post',
    label,
    names: /from "comment"/,
    async run({ db }) {
      for (const post of await posts(db, 9)) {
        await db
          .selectFrom('comment')
          .select('text')
          .where('post_id', '=', post.id)
          .orderBy('id', 'desc')
          .limit(1)
          .execute()
      }
    },
  },
  {
    name: 'customers of orders, in a repository function',
    label,
    names: /from customer/,
    async run({ db }) {
      for (const order of await orders(db)) await customerById(db, order.customer_id)
    },
  },
  {
    name: 'a serialiser that looks something up',
    label,
    names: /from customer/,
    async run({ db }) {
      const toJson = async (order: { customer_id: string }) => ({
        ...order,
        customer: await customerById(db, order.customer_id),
      })
      return Promise.all((await orders(db, 7)).map((order) => toJson({ customer_id: order.customer_id })))
    },
  },
  {
    name: 'lines of orders, then the product of each line',
    label,
    names: /from "(?:order_line|product)"/,
    async run({ db }) {
      for (const order of await orders(db, 5)) {
        const lines = await db.selectFrom('order_line').selectAll().where('order_id', '=', order.id).execute()
        for (const line of lines) await db.selectFrom('product').selectAll().where('id', '=', line.product_id).execute()
      }
    },
  },
  {
    name: 'one row after another from a first step of one row each',
    label,
    names: /from "(?:orders|payment)"/,
    async run({ db }) {
      for (const { id } of await db.selectFrom('orders').select('id').orderBy('number').limit(6).execute()) {
        const order = await db.selectFrom('orders').select('payment_id').where('id', '=', id).executeTakeFirstOrThrow()
        await db.selectFrom('payment').select('state').where('id', '=', order.payment_id).execute()
      }
    },
  },
  {
    name: 'reads in one transaction',
    label,
    names: /from "product"/,
    run: ({ db }) =>
      db.transaction(async (tx) => {
        const lines = await tx.selectFrom('order_line').selectAll().limit(8).execute()
        for (const line of lines) {
          await tx.selectFrom('product').select('stock').where('id', '=', line.product_id).forUpdate().execute()
        }
      }),
  },
  {
    name: 'ids written into the text',
    label,
    names: /from author/,
    async run({ db }) {
      for (const post of await posts(db))
        await db.sql`${sql.raw(`select name from author where id = ${post.author_id}`)}`
    },
  },
  {
    name: 'ids out of an array column',
    label,
    names: /from "tag"/,
    async run({ db }) {
      for (const post of await posts(db, 4)) {
        for (const tag of post.tag_ids) await db.selectFrom('tag').select('name').where('id', '=', tag).execute()
      }
    },
  },
  {
    name: 'ids out of a JSON column',
    label,
    names: /from "product"/,
    async run({ db }) {
      for (const order of await orders(db, 5)) {
        for (const item of order.items) {
          await db.selectFrom('product').select('name').where('id', '=', item.productId).execute()
        }
      }
    },
  },
  {
    name: 'a tree, level by level, one query for each node',
    label,
    names: /from "category"/,
    async run({ db }) {
      const below = async (id: number): Promise<unknown[]> => {
        const children = await db.selectFrom('category').selectAll().where('parent_id', '=', id).execute()
        return Promise.all(children.map(async (child) => ({ ...child, children: await below(child.id) })))
      }
      return below(1)
    },
  },
  {
    name: 'a composite key of which one half is always the same',
    label,
    names: /from "customer"/,
    async run({ db }) {
      const { rows } = await db.sql<{ tenant: string; id: string }>`
        select tenant_id as tenant, id from customer where tenant_id = (select id from tenant where name = 'acme') limit 6`
      for (const row of rows) {
        const mine = db.selectFrom('customer').selectAll().where('tenant_id', '=', row.tenant).where('id', '=', row.id)
        await mine.execute()
      }
    },
  },
  {
    name: 'a count for each slug of a menu',
    label,
    names: /from "post"/,
    async run({ db }) {
      const menu = await db.selectFrom('category').select('slug').where('parent_id', 'is not', null).limit(6).execute()
      for (const { slug } of menu) {
        await db.selectFrom('post').select('id').where('category_slug', '=', slug).limit(3).execute()
      }
    },
  },
  {
    name: 'lists of one',
    label,
    names: /from "customer"/,
    async run({ db }) {
      for (const order of await orders(db, 8)) {
        await db.selectFrom('customer').selectAll().where('id', 'in', [order.customer_id]).execute()
      }
    },
  },
  {
    name: 'a loader that is awaited in the loop',
    label,
    names: /from "customer"/,
    async run({ db }) {
      for (const order of await orders(db, 9)) await customerOf.load(order.customer_id)
    },
  },
  {
    name: 'a loader with any($1) that is awaited in the loop',
    label,
    names: /from customer/,
    async run({ db }) {
      for (const order of await orders(db, 9)) await anyCustomerOf.load(order.customer_id)
    },
  },
  {
    name: 'whether there is one, for each row',
    label,
    names: /post_like/,
    async run({ db }) {
      for (const post of await posts(db, 15)) {
        await db.sql`select exists (select 1 from post_like where user_id = ${3} and post_id = ${post.id}) as liked`
      }
    },
  },
  {
    name: 'customers by e-mail address',
    label,
    names: /from "customer"/,
    async run({ db }) {
      for (const { email } of await db.selectFrom('invite').selectAll().execute()) {
        await db.selectFrom('customer').select('id').where('email', '=', email).execute()
      }
    },
  },
  {
    name: 'the rate of each day of a report',
    label,
    names: /from "rate"/,
    async run({ db }) {
      const { rows } = await db.sql<{ day: string; total: number }>`
        select day, sum(amount) as total from sale group by day order by day limit 9`
      for (const { day } of rows) await db.selectFrom('rate').select('value').where('day', '=', day).execute()
    },
  },
  {
    name: 'pages of orders, and within each page one by one',
    label,
    names: /from customer/,
    async run({ db }) {
      for (let page = 0; page < 3; page++) {
        const { rows } = await db.sql<{ customer_id: string }>`
          select customer_id from orders order by number limit 10 offset ${page * 10}`
        for (const row of rows) await customerById(db, row.customer_id)
      }
    },
  },
  {
    name: 'rows of a cursor, each with a query of its own',
    label,
    names: /from customer/,
    async run({ db }) {
      const all = db.selectFrom('orders').select(['id', 'customer_id']).orderBy('number')
      for await (const order of db.stream(all, { batch: 20 })) await customerById(db, order['customer_id'])
    },
  },
  {
    name: 'a key under another name',
    label,
    names: /from "author"/,
    async run({ db }) {
      const { rows } = await db.sql<{ written_by: number }>`
        select p.author_id as written_by, p.title from post p join comment c on c.post_id = p.id order by c.id limit 20`
      for (const row of rows) await authorById(db, row.written_by)
    },
  },
  {
    name: 'how many lie between two bounds of each row',
    label,
    names: /from "orders"/,
    async run({ db }) {
      for (const tier of await db.selectFrom('tier').selectAll().execute()) {
        const between = db.selectFrom('orders').where('total', '>=', tier.at_least).where('total', '<', tier.below)
        await between.select((eb) => eb.fn.countAll().as('n')).execute()
      }
    },
  },
]

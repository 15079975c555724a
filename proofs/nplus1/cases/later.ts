/** Cases that were written after the rule was fixed: what it says of code that it was not made for. */
import type { Case } from '../store.ts'

export const later: Case[] = [
  {
    name: 'authors of posts, sorted and without doubles',
    label: 'n-plus-one',
    names: /from "author"/,
    async run({ db }) {
      const posts = await db.selectFrom('post').select('author_id').execute()
      const ids = [...new Set(posts.map((post) => post.author_id))].toSorted((a, b) => a - b)
      for (const id of ids) await db.selectFrom('author').select('name').where('id', '=', id).execute()
    },
  },
  {
    name: 'a map over groups, two levels deep',
    label: 'n-plus-one',
    names: /from "product"/,
    async run({ db }) {
      const lines = await db.selectFrom('order_line').selectAll().limit(30).execute()
      const byOrder = Map.groupBy(lines, (line) => line.order_id)
      for (const [, group] of [...byOrder].toReversed()) {
        await Promise.all(
          group.map((line) => db.selectFrom('product').selectAll().where('id', '=', line.product_id).execute()),
        )
      }
    },
  },
  {
    name: 'an access check for each row that is shown',
    label: 'n-plus-one',
    names: /from "post_like"/,
    async run({ db }) {
      const posts = await db.selectFrom('post').selectAll().orderBy('title').limit(20).execute()
      const mayRead = async (userId: number, postId: number) =>
        (
          await db
            .selectFrom('post_like')
            .selectAll()
            .where('user_id', '=', userId)
            .where('post_id', '=', postId)
            .execute()
        ).length > 0
      const visible = []
      for (const post of posts) if (await mayRead(3, post.id)) visible.push(post)
      return visible
    },
  },
  {
    name: 'a status for each job that was just created',
    label: 'n-plus-one',
    names: /from "invoice"/,
    async run({ db }) {
      const due = await db.selectFrom('subscription').select('id').limit(6).execute()
      const made = await db
        .insertInto('invoice')
        .values(due.map(({ id }) => ({ subscription_id: id })))
        .returning('id')
        .execute()
      for (const { id } of made) await db.selectFrom('invoice').select('number').where('id', '=', id).execute()
    },
  },
  {
    name: 'an order total that is recomputed for each order, in SQL with a join',
    label: 'n-plus-one',
    names: /order_line/,
    async run({ db }) {
      const { rows } = await db.sql<{ id: string }>`select id from orders where state = 'open'`
      for (const { id } of rows) {
        await db.sql`update orders set total = (
          select sum(l.quantity * p.price) from order_line l join product p on p.id = l.product_id where l.order_id = ${id}) where id = ${id}`
      }
    },
  },
  {
    name: 'a soft delete of each child, in the order of their names',
    label: 'n-plus-one',
    names: /update "product"/,
    async run({ db }) {
      const products = await db.selectFrom('product').select(['id', 'name']).where('stock', '>', 10).execute()
      for (const { id } of products.toSorted((a, b) => b.name.localeCompare(a.name)).slice(0, 12)) {
        await db.updateTable('product').set({ stock: 49 }).where('id', '=', id).execute()
      }
    },
  },
  {
    name: 'settings of five kinds by constant ids, on an empty page',
    label: 'fine',
    async run({ db }) {
      for (const id of [1, 2, 3, 4, 5]) await db.selectFrom('tag').select('name').where('id', '=', id).execute()
    },
  },
  {
    name: 'one retry after another with a growing id of the attempt',
    label: 'fine',
    async run({ db }) {
      const { rows } = await db.sql<{ id: number }>`select id from author order by id limit 10`
      for (let attempt = 1; attempt <= 5; attempt++) {
        await db.sql`select ${rows.length}::int as n, ${attempt}::int as attempt`
      }
    },
  },
  {
    name: 'a search with more and more filters',
    label: 'fine',
    async run({ db }) {
      await db.selectFrom('product').selectAll().limit(20).execute()
      for (const least of [100, 110, 120, 130, 140]) {
        await db
          .selectFrom('product')
          .select('id')
          .where('price', '>=', least)
          .where('stock', '>', 0)
          .limit(3)
          .execute()
      }
    },
  },
  {
    name: 'facets of a filter, by countries that the page shows, too',
    label: 'fine',
    async run({ db }) {
      await db.selectFrom('author').selectAll().orderBy('id').limit(10).execute()
      const facet = (country: string) => db.sql`select count(*) from author where country = ${country}`
      await Promise.all(['SE', 'IT', 'DE', 'PL', 'ES', 'FR'].map(facet))
    },
  },
  {
    name: 'the chain of a customer, each named by the one before',
    label: 'fine',
    async run({ db }) {
      let id = (await db.selectFrom('category').select('id').orderBy('id', 'desc').executeTakeFirstOrThrow()).id
      for (let i = 0; i < 6 && id !== null; i++) {
        const row = await db.selectFrom('category').select('parent_id').where('id', '=', id).executeTakeFirst()
        if (!row?.parent_id) break
        id = row.parent_id
      }
    },
  },
  {
    name: 'a window that moves over the days of a table',
    label: 'fine',
    async run({ db }) {
      const { rows } = await db.sql<{ first: string }>`select min(day) as first from sale`
      for (let i = 0; i < 8; i++) {
        await db.sql`select avg(amount) from sale where day > ${rows[0]!.first}::date + ${i}::int and day <= ${rows[0]!.first}::date + ${i + 7}::int`
      }
    },
  },
  {
    name: 'payments that are settled in a transaction each, after a call outside',
    label: 'fine',
    as: 'job',
    given: {},
    async run({ db, deliver }) {
      for (const { id } of await db.selectFrom('payment').select('id').limit(5).execute()) {
        await deliver(id)
        await db.transaction(async (tx) => {
          const payment = await tx
            .selectFrom('payment')
            .selectAll()
            .where('id', '=', id)
            .forUpdate()
            .executeTakeFirstOrThrow()
          await tx.updateTable('payment').set({ state: payment.state }).where('id', '=', id).execute()
        })
      }
    },
  },
  {
    name: 'random tokens that are looked up',
    label: 'fine',
    async run({ db }) {
      await db.selectFrom('customer').select('id').execute()
      for (let i = 0; i < 6; i++)
        await db.selectFrom('imported').select('id').where('id', '=', crypto.randomUUID()).execute()
    },
  },
]

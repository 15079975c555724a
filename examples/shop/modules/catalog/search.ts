import { sql } from 'tenfold'
import { z } from 'zod'
import { Product } from './contract.ts'
import { BadCursor } from './errors.ts'
import { m } from './kit.ts'

const Sort = z.enum(['newest', 'price'])

export const search = m.route('GET /products', {
  summary: 'Search products',
  description: 'A page of products. `next` of one page is `after` of the following one.',
  auth: 'public',
  query: z.object({
    q: z.string().trim().max(200).optional(),
    category: z.string().max(100).optional(),
    sort: Sort.default('newest'),
    after: z.string().max(100).optional(),
    limit: z.coerce.number().int().min(1).max(100).default(24),
  }),
  reply: z.object({ items: z.array(Product), next: z.string().nullable() }),
  async handler({ query: { q, category, sort, after, limit }, db }) {
    let found = db
      .selectFrom('products')
      .select(['id', 'name', 'description', 'category', 'price', 'stock'])
      .where('active', '=', true)
    if (q) found = found.where(sql<boolean>`words @@ websearch_to_tsquery('simple', ${q})`)
    if (category) found = found.where('category', '=', category)
    if (sort === 'price') {
      if (after) {
        const { price, id } = cursor(PriceCursor, after)
        found = found.where(sql<boolean>`(price, id) > (${price}, ${id}::uuid)`)
      }
      found = found.orderBy('price').orderBy('id')
    } else {
      if (after) found = found.where('id', '<', cursor(z.tuple([z.uuid()]), after)[0])
      found = found.orderBy('id', 'desc') // ids are time-ordered
    }
    const rows = await found.limit(limit + 1).execute()
    const items = rows.slice(0, limit)
    const last = rows.length > limit ? items.at(-1) : undefined
    return { items, next: last ? encode(sort === 'price' ? [last.price, last.id] : [last.id]) : null }
  },
})

const PriceCursor = z.tuple([z.int32(), z.uuid()]).transform(([price, id]) => ({ price, id }))

/** Where a page ended. Readable on purpose: it holds nothing that the page did not show. */
function encode(values: (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

function cursor<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
  } catch {
    throw BadCursor()
  }
}

export const categories = m.cache('categories', {
  ttl: '5m',
  staleFor: '1h',
  tags: () => ['categories'],
  load: (_all: 'all', { db }) =>
    db
      .selectFrom('products')
      .select(({ fn }) => ['category as name', fn.countAll<number>().as('products')])
      .where('active', '=', true)
      .groupBy('category')
      .orderBy('category')
      .execute(),
})

export const listCategories = m.route('GET /categories', {
  summary: 'All categories, with the number of products',
  auth: 'public',
  reply: z.array(z.object({ name: z.string(), products: z.int() })),
  handler: () => categories.get('all'),
})

import { Readable } from 'node:stream'
import { created, stream } from 'tenfold'
import { z } from 'zod'
import { Product } from './contract.ts'
import { NoProduct, SkuTaken } from './errors.ts'
import { m } from './kit.ts'
import { drawPicture } from './picture.ts'
import { categories } from './search.ts'

const Id = z.object({ id: z.uuid() })

/** Stock changes with every order; half a minute of patience here keeps a product that everybody looks at off the database. */
export const product = m.cache('product', {
  ttl: '30s',
  staleFor: '5m',
  load: async (id: string, { db }) =>
    (await db
      .selectFrom('products')
      .select(['id', 'name', 'description', 'category', 'price', 'stock'])
      .where('id', '=', id)
      .where('active', '=', true)
      .executeTakeFirst()) ?? null,
})

export const productPage = m.route('GET /products/:id', {
  summary: 'One product',
  auth: 'public',
  params: Id,
  reply: Product,
  async handler({ params: { id } }) {
    const found = await product.get(id)
    if (!found) throw NoProduct({ id })
    return found
  },
})

export const picture = m.route('GET /products/:id/picture.svg', {
  summary: 'A picture of the product',
  auth: 'public',
  params: Id,
  async handler({ params: { id } }) {
    const found = await product.get(id)
    if (!found) throw NoProduct({ id })
    return stream(Readable.from([drawPicture(found)]), {
      type: 'image/svg+xml',
      headers: { 'cache-control': 'public, max-age=86400' },
    })
  },
})

const NewProduct = z.object({
  sku: z.string().regex(/^[A-Z0-9-]{3,40}$/),
  name: z.string().trim().min(1).max(200),
  description: z.string().trim().max(5000),
  category: z.string().trim().min(1).max(100),
  price: z.int().min(1).max(100_000_000),
  stock: z.int().min(0).max(1_000_000),
})

export const createProduct = m.route('POST /admin/products', {
  summary: 'Add a product',
  auth: { role: 'admin' },
  body: NewProduct,
  reply: Product,
  async handler({ body, db }) {
    const added = await db
      .insertInto('products')
      .values(body)
      .onConflict((conflict) => conflict.column('sku').doNothing())
      .returningAll()
      .executeTakeFirst()
    if (!added) throw SkuTaken({ sku: body.sku })
    await categories.invalidateTag('categories')
    return created(Product.parse(added), `/products/${added.id}`)
  },
})

export const changeProduct = m.route('PATCH /admin/products/:id', {
  summary: 'Change a product, or withdraw it',
  auth: { role: 'admin' },
  params: Id,
  body: NewProduct.omit({ sku: true }).extend({ active: z.boolean() }).partial(),
  reply: Product,
  async handler({ params: { id }, body, db, now }) {
    const changed = await db
      .updateTable('products')
      .set({ ...body, updated_at: now() })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    if (!changed) throw NoProduct({ id })
    await product.invalidate(id) // committed: who loads it now sees the change
    await categories.invalidateTag('categories')
    return changed
  },
})

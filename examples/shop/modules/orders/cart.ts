import { noContent, type Db } from 'tenfold'
import { z } from 'zod'
import { Line } from '../catalog/contract.ts'
import { CartFull, NotSold } from './errors.ts'
import { m } from './kit.ts'
import type { OrdersTables } from './tables.gen.ts'

const Cart = z.object({
  lines: z.array(Line.extend({ name: z.string(), price: z.int(), stock: z.int() })),
  total: z.int(),
})

/** As many as one order may have. */
const MAX_LINES = 50

/** What is shown of a product that was taken off the shelves since. */
const WITHDRAWN = { name: 'No longer sold', price: 0, stock: 0 }

/** What somebody has in the cart, for checkout. */
export async function linesInCart(db: Db<OrdersTables>, userId: string): Promise<z.infer<typeof Line>[]> {
  return db
    .selectFrom('cart_lines')
    .select(['product_id as productId', 'quantity'])
    .where('user_id', '=', userId)
    .orderBy('changed_at')
    .limit(MAX_LINES)
    .execute()
}

export const showCart = m.route('GET /cart', {
  summary: 'The own cart, at today’s prices',
  auth: 'user',
  reply: Cart,
  async handler({ user, db, call }) {
    const inCart = await linesInCart(db, user.id)
    const products = await call.catalog.productsByIds({ ids: inCart.map((line) => line.productId) })
    const byId = new Map(products.map((product) => [product.id, product]))
    const lines = inCart.map((line) => {
      const { name, price, stock } = byId.get(line.productId) ?? WITHDRAWN
      return { ...line, name, price, stock }
    })
    return { lines, total: lines.reduce((sum, line) => sum + line.price * line.quantity, 0) }
  },
})

export const cartFilled = m.track('put-in-cart', { properties: z.object({ value: z.number() }) })

export const putInCart = m.route('PUT /cart/:productId', {
  summary: 'Put a product in the cart, or change how many',
  auth: 'user',
  params: z.object({ productId: z.uuid() }),
  body: Line.pick({ quantity: true }),
  async handler({ user, params: { productId }, body: { quantity }, db, call, now }) {
    const inCart = await linesInCart(db, user.id)
    if (inCart.length >= MAX_LINES && !inCart.some((line) => line.productId === productId))
      throw CartFull({ max: MAX_LINES })
    const [product] = await call.catalog.productsByIds({ ids: [productId] })
    if (!product) throw NotSold({ id: productId })
    await db
      .insertInto('cart_lines')
      .values({ user_id: user.id, product_id: productId, quantity })
      .onConflict((conflict) =>
        conflict.columns(['user_id', 'product_id']).doUpdateSet({ quantity, changed_at: now() }),
      )
      .execute()
    void cartFilled.track({ value: product.price * quantity }, { user: user.id })
    return noContent()
  },
})

export const takeFromCart = m.route('DELETE /cart/:productId', {
  summary: 'Take a product out of the cart',
  auth: 'user',
  params: z.object({ productId: z.uuid() }),
  async handler({ user, params: { productId }, db }) {
    await db.deleteFrom('cart_lines').where('user_id', '=', user.id).where('product_id', '=', productId).execute()
    return noContent()
  },
})

export const expireCarts = m.cron('expire-carts', '15 * * * *', {
  async run({ db, log }) {
    const { rowCount } = await db.sql`delete from cart_lines where changed_at < now() - interval '30 days'`
    if (rowCount > 0) log.info('expired cart lines', { count: rowCount })
  },
})

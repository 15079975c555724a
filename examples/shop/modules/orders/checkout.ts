import { createHash } from 'node:crypto'
import { created, uuidv7, type Db, type Tx } from 'tenfold'
import { z } from 'zod'
import { Lines, type ReservedLine } from '../catalog/contract.ts'
import { linesInCart } from './cart.ts'
import { Address, Order, orders } from './contract.ts'
import { CartChanged, CartEmpty, KeyMissing, KeyReused } from './errors.ts'
import { m } from './kit.ts'
import { chargeOrder } from './payment.ts'
import { ordersWithLines } from './read.ts'
import type { OrdersTables } from './tables.gen.ts'

export const placed = m.event(orders.events.placed)

const NewOrder = z.object({
  /** What to order. Without it: everything in the cart. */
  lines: Lines.optional(),
  /** The payment provider's token for the card. */
  card: z.string().regex(/^tok_[a-z0-9_]{1,40}$/),
  address: Address,
})

/** Everything slow happens later, in jobs: this only makes sure that the pieces are there and that the order exists. */
export const placeOrder = m.route('POST /orders', {
  summary: 'Place an order',
  description: 'Needs the header `Idempotency-Key`; a repeated request with the same key gives the same order.',
  auth: 'user',
  body: NewOrder,
  reply: Order,
  status: 201,
  limit: { by: 'user', max: 60, per: '1m' },
  async handler({ body, user, db, call, request }) {
    const wanted = { userId: user.id, key: keyOf(request.headers), fingerprint: fingerprintOf(body) }
    const earlier = await findEarlier(db, wanted)
    if (earlier) return created(earlier, `/orders/${earlier.id}`)

    const lines = body.lines ?? (await linesInCart(db, user.id))
    if (lines.length === 0) throw CartEmpty()

    const id = uuidv7()
    const reserved = await call.catalog.reserve({ reservation: id, lines })
    const isNew = await db
      .transaction(async (tx) => {
        if (!(await insertOrder(tx, { id, ...wanted, ...body, lines: reserved.lines }))) return false
        if (!body.lines) await emptyCart(tx, user.id, lines)
        const order = { orderId: id, userId: user.id, total: totalOf(reserved.lines) }
        await placed.publish(order, { tx })
        await chargeOrder.enqueue({ orderId: id }, { tx })
        return true
      })
      .catch(async (error: unknown) => {
        // Only when it is certain that nothing was committed. Otherwise the reservation lapses by itself, or is kept.
        if (CartChanged.is(error)) await call.catalog.release({ reservation: id })
        throw error
      })
    if (!isNew) await call.catalog.release({ reservation: id }) // the same request was quicker on another connection

    const order = (await findEarlier(db, wanted))!
    return created(order, `/orders/${order.id}`)
  },
})

interface Wanted {
  userId: string
  key: string
  fingerprint: string
}

type PricedLine = z.infer<typeof ReservedLine>

function keyOf(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const key = headers['idempotency-key']
  if (typeof key !== 'string' || !/^[\x21-\x7e]{8,100}$/.test(key)) throw KeyMissing()
  return key
}

function fingerprintOf(body: z.infer<typeof NewOrder>): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url')
}

async function findEarlier(db: Db<OrdersTables>, { userId, key, fingerprint }: Wanted) {
  const row = await db
    .selectFrom('orders')
    .selectAll()
    .where('user_id', '=', userId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst()
  if (!row) return undefined
  if (row.fingerprint !== fingerprint) throw KeyReused()
  return (await ordersWithLines(db, [row]))[0]
}

/** False if there is an order with this key already. */
async function insertOrder(
  tx: Tx<OrdersTables>,
  order: Wanted & { id: string; card: string; address: z.infer<typeof Address>; lines: PricedLine[] },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('orders')
    .values({
      id: order.id,
      user_id: order.userId,
      idempotency_key: order.key,
      fingerprint: order.fingerprint,
      total: totalOf(order.lines),
      card: order.card,
      address: JSON.stringify(order.address),
    })
    .onConflict((conflict) => conflict.columns(['user_id', 'idempotency_key']).doNothing())
    .executeTakeFirstOrThrow()
  if (!numInsertedOrUpdatedRows) return false
  await tx
    .insertInto('order_lines')
    .values(order.lines.map(({ productId, ...line }) => ({ order_id: order.id, product_id: productId, ...line })))
    .execute()
  return true
}

/** Takes out just what was ordered. Two orders of one cart at a time: the second finds it changed. */
async function emptyCart(tx: Tx<OrdersTables>, userId: string, lines: z.infer<typeof Lines>): Promise<void> {
  const { rowCount } = await tx.sql`
    delete from cart_lines c
    using unnest(${lines.map((line) => line.productId)}::uuid[], ${lines.map((line) => line.quantity)}::int[]) l (id, quantity)
    where c.user_id = ${userId} and c.product_id = l.id and c.quantity = l.quantity`
  if (rowCount !== lines.length) throw CartChanged()
}

function totalOf(lines: readonly PricedLine[]): number {
  return lines.reduce((sum, line) => sum + line.price * line.quantity, 0)
}

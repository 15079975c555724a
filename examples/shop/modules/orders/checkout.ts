import { createHash } from 'node:crypto'
import { created, TenfoldError, uuidv7, type Db, type Tx } from 'tenfold'
import { z } from 'zod'
import { Lines, type ReservedLine } from '../catalog/contract.ts'
import { linesInCart } from './cart.ts'
import { Address, Order, orders } from './contract.ts'
import { CartChanged, CartEmpty, KeyReused, KeyTaken, OrderTooLarge } from './errors.ts'
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

/** In cents: a million euros. */
const MAX_TOTAL = 100_000_000

export const ordered = m.track('ordered', { properties: z.object({ value: z.number() }) })

/** Everything slow happens later, in jobs: this only makes sure that the pieces are there and that the order exists. */
export const placeOrder = m.route('POST /orders', {
  summary: 'Place an order',
  description: 'A repeated request with the same key gives the same order.',
  auth: 'user',
  headers: z.object({
    'idempotency-key': z
      .string('a new UUID for each order, and the same one when you repeat the request')
      .regex(/^[\x21-\x7e]{8,100}$/, '8 to 100 visible characters'),
  }),
  body: NewOrder,
  reply: Order,
  status: 201,
  limit: { by: 'user', max: 60, per: '1m' },
  async handler({ headers, body, user, db, call }) {
    const wanted = { userId: user.id, key: headers['idempotency-key'], fingerprint: fingerprintOf(body) }
    const earlier = await findEarlier(db, wanted)
    if (earlier) return created(earlier, `/orders/${earlier.id}`)

    const refusal = await place().then(
      () => undefined,
      (error: unknown) => error,
    )
    // A refusal stands only if the same request was not quicker on another connection: that took the last piece, say.
    const order = await findEarlier(db, wanted)
    if (!order) throw refusal
    void ordered.track({ value: order.total }, { user: user.id, id: order.id })
    return created(order, `/orders/${order.id}`)

    async function place(): Promise<void> {
      const lines = body.lines ?? (await linesInCart(db, user.id))
      if (lines.length === 0) throw CartEmpty()
      const id = uuidv7()
      const reserved = await call.catalog.reserve({ reservation: id, lines })
      try {
        const total = totalOf(reserved.lines)
        if (total > MAX_TOTAL) throw OrderTooLarge({ max: MAX_TOTAL })
        await db.transaction(async (tx) => {
          await insertOrder(tx, { ...wanted, ...body, id, total, lines: reserved.lines })
          if (!body.lines) await emptyCart(tx, user.id, lines)
          await placed.publish({ orderId: id, userId: user.id, total }, { tx })
          await chargeOrder.enqueue({ orderId: id }, { tx })
        })
      } catch (error) {
        // Only our own refusals are certain to have left no order behind. After anything else the reservation lapses by
        // itself, or the order is there after all and keeps it.
        if (error instanceof TenfoldError) await call.catalog.release({ reservation: id })
        throw error
      }
    }
  },
})

interface Wanted {
  userId: string
  key: string
  fingerprint: string
}

type PricedLine = z.infer<typeof ReservedLine>

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

async function insertOrder(
  tx: Tx<OrdersTables>,
  order: Wanted & { id: string; total: number; card: string; address: z.infer<typeof Address>; lines: PricedLine[] },
): Promise<void> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('orders')
    .values({
      id: order.id,
      user_id: order.userId,
      idempotency_key: order.key,
      fingerprint: order.fingerprint,
      total: order.total,
      card: order.card,
      address: JSON.stringify(order.address),
    })
    .onConflict((conflict) => conflict.columns(['user_id', 'idempotency_key']).doNothing())
    .executeTakeFirstOrThrow()
  if (!numInsertedOrUpdatedRows) throw KeyTaken()
  await tx
    .insertInto('order_lines')
    .values(order.lines.map(({ productId, ...line }) => ({ order_id: order.id, product_id: productId, ...line })))
    .execute()
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

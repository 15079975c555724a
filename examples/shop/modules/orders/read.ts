import type { Db } from 'tenfold'
import { z } from 'zod'
import { Address, Order, OrderState, orders } from './contract.ts'
import { NoOrder } from './errors.ts'
import { m } from './kit.ts'
import type { OrdersTables } from './tables.gen.ts'

interface OrderRow {
  id: string
  state: string
  failure: string | null
  total: number
  address: unknown
  placed_at: Date
  paid_at: Date | null
}

/** Orders as clients see them; the lines of all of them come in one query. */
export async function ordersWithLines(
  db: Db<OrdersTables>,
  rows: readonly OrderRow[],
): Promise<z.infer<typeof Order>[]> {
  if (rows.length === 0) return []
  const lines = await db
    .selectFrom('order_lines')
    .select(['order_id', 'product_id as productId', 'name', 'price', 'quantity'])
    .where(
      'order_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('name')
    .execute()
  const byOrder = Map.groupBy(lines, (line) => line.order_id)
  return rows.map((row) => ({
    id: row.id,
    state: OrderState.parse(row.state),
    failure: row.failure,
    total: row.total,
    placedAt: row.placed_at.toISOString(),
    paidAt: row.paid_at?.toISOString() ?? null,
    lines: byOrder.get(row.id) ?? [],
    address: Address.parse(row.address),
  }))
}

export const history = m.route('GET /orders', {
  summary: 'The own orders, newest first',
  auth: 'user',
  query: z.object({ after: z.uuid().optional(), limit: z.coerce.number().int().min(1).max(100).default(20) }),
  reply: z.object({ items: z.array(Order), next: z.uuid().nullable() }),
  async handler({ user, query: { after, limit }, db }) {
    let own = db.selectFrom('orders').selectAll().where('user_id', '=', user.id)
    if (after) own = own.where('id', '<', after)
    const rows = await own
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute()
    const items = await ordersWithLines(db, rows.slice(0, limit))
    return { items, next: rows.length > limit ? items.at(-1)!.id : null }
  },
})

export const showOrder = m.route('GET /orders/:id', {
  summary: 'One order',
  description: 'Another customer’s order does not exist, as far as anyone can tell.',
  auth: 'user',
  params: z.object({ id: z.uuid() }),
  reply: Order,
  async handler({ user, params: { id }, db }) {
    const row = await db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row || (row.user_id !== user.id && user.role !== 'admin')) throw NoOrder({ id })
    return (await ordersWithLines(db, [row]))[0]!
  },
})

export const implementation = m.implement(orders, {
  async orderById({ input: { id }, db }) {
    const row = await db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row) return null
    const [order] = await ordersWithLines(db, [row])
    return { ...order!, userId: row.user_id }
  },
})

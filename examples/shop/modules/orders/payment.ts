/** What happens to an order after it was placed, off the request path:
 *
 *    placed --charged--> paid --refund--> refunding --> refunded
 *       └--declined, or nothing left--> payment_failed
 *
 *  Each arrow is one transaction that moves the order only from the state it expects, so running a job twice changes
 *  nothing. The order's id is the key towards billing, and billing's towards the provider: one order, one charge. */
import { z } from 'zod'
import { Address, orders } from './contract.ts'
import { NoOrder, NotRefundable } from './errors.ts'
import { m } from './kit.ts'

const OrderId = z.object({ orderId: z.uuid() })

export const paid = m.event(orders.events.paid)
export const refunded = m.event(orders.events.refunded)

export const success = m.metric('order_success_rate', {
  kind: 'ratio',
  help: 'Orders that were paid, of those whose payment was decided.',
})

export const chargeOrder = m.job('charge-order', {
  input: OrderId,
  attempts: 12,
  backoff: { base: '1s', max: '10m' },
  timeout: '1m',
  unique: ({ orderId }) => orderId,
  async run({ input: { orderId }, db, call, now }) {
    const order = await db.selectFrom('orders').selectAll().where('id', '=', orderId).executeTakeFirst()
    if (order?.state !== 'placed') return

    const { kept } = await call.catalog.keep({ reservation: orderId })
    const charge = kept
      ? await call.billing.charge({
          orderId,
          userId: order.user_id,
          amount: order.total,
          card: order.card,
          country: Address.parse(order.address).country,
        })
      : undefined
    const failure = !charge ? 'out_of_stock' : charge.state === 'declined' ? 'declined' : null

    await db.transaction(async (tx) => {
      const moved = await tx
        .updateTable('orders')
        .set(failure ? { state: 'payment_failed', failure } : { state: 'paid', paid_at: now() })
        .where('id', '=', orderId)
        .where('state', '=', 'placed')
        .returning(['id as orderId', 'user_id as userId', 'total'])
        .executeTakeFirst()
      if (!moved) return
      if (failure) await releaseStock.enqueue({ orderId }, { tx })
      else await paid.publish(moved, { tx })
      tx.afterCommit(() => success.record(!failure))
    })
  },
})

export const releaseStock = m.job('release-stock', {
  input: OrderId,
  attempts: 20,
  run: ({ input: { orderId }, call }) => call.catalog.release({ reservation: orderId }),
})

export const refundOrder = m.route('POST /admin/orders/:id/refund', {
  summary: 'Give the money back',
  auth: { role: 'admin' },
  params: z.object({ id: z.uuid() }),
  reply: z.object({ state: z.string() }),
  status: 202,
  async handler({ params: { id }, db }) {
    const state = await db.transaction(async (tx) => {
      const order = await tx.selectFrom('orders').select('state').where('id', '=', id).forUpdate().executeTakeFirst()
      if (!order) throw NoOrder({ id })
      if (order.state === 'refunding' || order.state === 'refunded') return order.state
      if (order.state !== 'paid') throw NotRefundable({ state: order.state })
      await tx.updateTable('orders').set({ state: 'refunding' }).where('id', '=', id).execute()
      await refundCharge.enqueue({ orderId: id }, { tx })
      return 'refunding'
    })
    return { state }
  },
})

export const refundCharge = m.job('refund-charge', {
  input: OrderId,
  attempts: 12,
  backoff: { base: '1s', max: '10m' },
  timeout: '1m',
  unique: ({ orderId }) => orderId,
  async run({ input: { orderId }, db, call, now }) {
    await call.billing.refund({ orderId })
    await db.transaction(async (tx) => {
      const moved = await tx
        .updateTable('orders')
        .set({ state: 'refunded', refunded_at: now() })
        .where('id', '=', orderId)
        .where('state', '=', 'refunding')
        .returning(['id as orderId', 'user_id as userId', 'total'])
        .executeTakeFirst()
      if (!moved) return
      await refunded.publish(moved, { tx })
      await releaseStock.enqueue({ orderId }, { tx })
    })
  },
})

/** A provider that is away for hours uses up all attempts of a job. Its orders are not forgotten: the same key, once more. */
export const resume = m.cron('resume-payments', '*/10 * * * *', {
  async run({ db, log }) {
    const { rows } = await db.sql<{ orderId: string; state: string }>`
      select id as "orderId", state from orders
      where state in ('placed', 'refunding') and placed_at < now() - interval '30 minutes'
      order by placed_at limit 1000`
    const charges = rows.filter((row) => row.state === 'placed')
    const refunds = rows.filter((row) => row.state === 'refunding')
    await chargeOrder.enqueueMany(charges.map(({ orderId }) => ({ orderId })))
    await refundCharge.enqueueMany(refunds.map(({ orderId }) => ({ orderId })))
    if (rows.length > 0) log.warn('took up unfinished payments again', { count: rows.length })
  },
})

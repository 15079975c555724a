import { billing } from './contract.ts'
import { NotCharged } from './errors.ts'
import { scoreOrder } from './fraud.ts'
import { m } from './kit.ts'
import * as provider from './provider.ts'

export const implementation = m.implement(billing, {
  async charge({ input: { orderId, userId, amount, card, country }, db, now }) {
    await db.transaction(async (tx) => {
      const { numInsertedOrUpdatedRows: isNew } = await tx
        .insertInto('payments')
        .values({ order_id: orderId, user_id: userId, amount, card, country })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      if (isNew) await scoreOrder.enqueue({ orderId }, { tx })
    })
    const payment = await db
      .selectFrom('payments')
      .selectAll()
      .where('order_id', '=', orderId)
      .executeTakeFirstOrThrow()
    if (payment.state !== 'pending') return { state: payment.state === 'declined' ? 'declined' : 'charged' }

    const charge = await provider.charge(`charge-${orderId}`, {
      amount: payment.amount,
      currency: 'EUR',
      card: payment.card,
      reference: orderId,
    })
    const state = charge.state === 'declined' ? 'declined' : 'charged'
    await db
      .updateTable('payments')
      .set({ state, provider_id: charge.id, changed_at: now() })
      .where('order_id', '=', orderId)
      .where('state', '=', 'pending')
      .execute()
    return { state }
  },

  async refund({ input: { orderId }, db, now }) {
    const payment = await db.selectFrom('payments').selectAll().where('order_id', '=', orderId).executeTakeFirst()
    if (payment?.state === 'refunded') return { state: 'refunded' }
    if (payment?.state !== 'charged') throw NotCharged({ orderId })
    await provider.refund(`refund-${orderId}`, payment.provider_id!)
    await db
      .updateTable('payments')
      .set({ state: 'refunded', changed_at: now() })
      .where('order_id', '=', orderId)
      .execute()
    return { state: 'refunded' }
  },
})

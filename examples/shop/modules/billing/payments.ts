import { billing } from './contract.ts'
import { NotCharged } from './errors.ts'
import { m } from './kit.ts'
import { paymentProvider } from './provider.ts'

export const implementation = m.implement(billing, {
  async charge({ input: { orderId, userId, amount, card }, db, settings, signal }) {
    await db
      .insertInto('payments')
      .values({ order_id: orderId, user_id: userId, amount, card })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const known = await paymentOf(orderId)
    if (known.state !== 'pending') return { state: known.state === 'declined' ? 'declined' : 'charged' }

    const charge = await paymentProvider({
      url: settings.PAYMENTS_URL,
      timeoutMs: settings.PAYMENTS_TIMEOUT_MS,
      signal,
    }).charge(`charge-${orderId}`, { amount: known.amount, currency: 'EUR', card: known.card, reference: orderId })
    const state = charge.state === 'declined' ? 'declined' : 'charged'
    await db
      .updateTable('payments')
      .set({ state, provider_id: charge.id, changed_at: new Date() })
      .where('order_id', '=', orderId)
      .where('state', '=', 'pending')
      .execute()
    return { state }

    function paymentOf(id: string) {
      return db.selectFrom('payments').selectAll().where('order_id', '=', id).executeTakeFirstOrThrow()
    }
  },

  async refund({ input: { orderId }, db, settings, signal, now }) {
    const payment = await db.selectFrom('payments').selectAll().where('order_id', '=', orderId).executeTakeFirst()
    if (payment?.state === 'refunded') return { state: 'refunded' }
    if (payment?.state !== 'charged') throw NotCharged({ orderId })
    const provider = paymentProvider({ url: settings.PAYMENTS_URL, timeoutMs: settings.PAYMENTS_TIMEOUT_MS, signal })
    await provider.refund(`refund-${orderId}`, payment.provider_id!)
    await db
      .updateTable('payments')
      .set({ state: 'refunded', changed_at: now() })
      .where('order_id', '=', orderId)
      .execute()
    return { state: 'refunded' }
  },
})

import { billing } from '../billing/contract.ts'
import { m } from './kit.ts'

/** Somebody should look at this order before it is sent. */
export const flagOrder = m.on(billing.events.suspected, 'flag-order', {
  async run({ event, db, now }) {
    await db
      .updateTable('orders')
      .set({ flagged_at: now() })
      .where('id', '=', event.orderId)
      .where('flagged_at', 'is', null)
      .execute()
  },
})

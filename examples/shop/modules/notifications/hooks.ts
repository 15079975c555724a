/** Orders as webhooks, for the customers' own systems. */
import { webhooks } from 'tenfold/webhooks'
import { z } from 'zod'
import { orders } from '../orders/contract.ts'
import { m } from './kit.ts'

const Order = z.object({ orderId: z.uuid(), userId: z.uuid(), total: z.int() })

export const hooks = webhooks(m, {
  events: { 'order.placed': Order, 'order.paid': Order, 'order.refunded': Order },
  allowPrivate: ({ ALLOW_PRIVATE_WEBHOOKS }) => ALLOW_PRIVATE_WEBHOOKS,
  userAgent: 'tenfold-shop',
})

export const onPlaced = m.on(orders.events.placed, 'webhook-placed', {
  once: true,
  run: ({ event, tx }) => hooks.send('order.placed', event, { tx, owner: event.userId, key: event.orderId }),
})
export const onPaid = m.on(orders.events.paid, 'webhook-paid', {
  once: true,
  run: ({ event, tx }) => hooks.send('order.paid', event, { tx, owner: event.userId, key: event.orderId }),
})
export const onRefunded = m.on(orders.events.refunded, 'webhook-refunded', {
  once: true,
  run: ({ event, tx }) => hooks.send('order.refunded', event, { tx, owner: event.userId, key: event.orderId }),
})

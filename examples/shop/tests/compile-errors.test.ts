/** Mistakes that must not compile. Nothing here runs: the type checker reads it, and fails where an expected error is missing. */
import { test } from 'node:test'
import { z } from 'zod'
import { m as auth } from '../modules/auth/kit.ts'
import { m as billing } from '../modules/billing/kit.ts'
import { chargeOrder, paid } from '../modules/orders/payment.ts'
import { m as orders } from '../modules/orders/kit.ts'
import { orders as contract } from '../modules/orders/contract.ts'
import { product } from '../modules/catalog/products.ts'

test('mistakes do not compile', () => void mistakes)

export function mistakes(): void {
  orders.route('GET /a/:id', {
    auth: 'user',
    reply: z.object({ total: z.int() }),
    async handler({ db, call, params, settings }) {
      // @ts-expect-error notifications is not among the modules that orders uses
      await call.notifications.send({})
      // @ts-expect-error the table of another module
      await db.selectFrom('payments').selectAll().execute()
      // @ts-expect-error a column that is not there
      await db.selectFrom('orders').select('price').execute()
      // @ts-expect-error money is a number
      await db.updateTable('orders').set({ total: '12' }).execute()
      // @ts-expect-error a contract method without one of its fields
      await call.billing.charge({ orderId: params.id, amount: 1 })
      // @ts-expect-error a method that the contract does not have
      await call.catalog.steal({})
      const { state } = await call.billing.refund({ orderId: params.id })
      // @ts-expect-error `charged` is no outcome of a refund
      if (state === 'charged') return { total: 1 }
      // @ts-expect-error orders has no settings
      return { total: settings.PAYMENTS_URL.length }
    },
  })

  orders.route('GET /b', {
    auth: 'user',
    reply: z.object({ total: z.int() }),
    // @ts-expect-error the reply is not what its schema says
    handler: async ({ user }) => ({ total: user.id }),
  })
  // @ts-expect-error there is no user on a public route
  orders.route('GET /c', { auth: 'public', handler: async ({ user }) => void user.id })
  // @ts-expect-error a number is asked for as a number
  auth.job('a', { input: z.object({ n: z.int() }), run: async ({ input }) => input.n.toUpperCase() })
  // @ts-expect-error billing does not use orders, so it cannot listen to it
  billing.on(contract.events.paid, 'b', { run: async () => {} })
  // @ts-expect-error a job without its input
  void chargeOrder.enqueue({})
  // @ts-expect-error an event without a transaction
  void paid.publish({ orderId: '', userId: '', total: 1 })
  // @ts-expect-error what has been loaded may be missing
  void product.get('id').then((found) => found.price)
  // @ts-expect-error the key of this cache is a text
  void product.get(5)
  // @ts-expect-error a part of another module
  auth.build({ parts: [chargeOrder] })
}

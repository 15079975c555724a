import { contract } from 'tenfold'
import { z } from 'zod'

export const OrderState = z.enum(['placed', 'paid', 'payment_failed', 'refunding', 'refunded'])

export const Address = z.object({
  name: z.string().trim().min(1).max(100),
  street: z.string().trim().min(1).max(200),
  postcode: z.string().trim().min(1).max(20),
  city: z.string().trim().min(1).max(100),
  /** ISO 3166: `DE`, `FR` … */
  country: z.string().regex(/^[A-Z]{2}$/),
})

export const Order = z.object({
  id: z.uuid(),
  state: OrderState,
  /** Why it failed: `declined` by the bank, or `out_of_stock`. */
  failure: z.string().nullable(),
  /** In cents. */
  total: z.int(),
  placedAt: z.iso.datetime(),
  paidAt: z.iso.datetime().nullable(),
  lines: z.array(
    z.object({
      productId: z.uuid(),
      name: z.string(),
      /** Of one piece, in cents, when it was ordered. */
      price: z.int(),
      quantity: z.int(),
    }),
  ),
  address: Address,
})

const OrderEvent = z.object({ orderId: z.uuid(), userId: z.uuid(), total: z.int() })

export const orders = contract(
  'orders',
  {
    orderById: {
      input: z.object({ id: z.uuid() }),
      output: Order.extend({ userId: z.uuid() }).nullable(),
      idempotent: true,
    },
  },
  { placed: OrderEvent, paid: OrderEvent, refunded: OrderEvent },
)

import { contract } from 'tenfold'
import { z } from 'zod'

const OrderId = z.object({ orderId: z.uuid() })

export const billing = contract(
  'billing',
  {
    /** Charges an order, once, however often it is called; `country` is where the goods go. Throws while the outcome is not known: call it again. */
    charge: {
      input: OrderId.extend({ userId: z.uuid(), amount: z.int().min(1), card: z.string(), country: z.string() }),
      output: z.object({ state: z.enum(['charged', 'declined']) }),
      idempotent: true,
    },
    /** Gives the money of an order back, once. */
    refund: { input: OrderId, output: z.object({ state: z.literal('refunded') }), idempotent: true },
  },
  { suspected: OrderId.extend({ score: z.int(), reasons: z.array(z.string()) }) },
)

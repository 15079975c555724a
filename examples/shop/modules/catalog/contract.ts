import { contract } from 'tenfold'
import { z } from 'zod'

/** Money is in euro cents everywhere. */
export const Product = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  category: z.string(),
  price: z.int(),
  /** What can be bought now. On the product page up to half a minute old; `reserve` has the last word. */
  stock: z.int(),
})

export const Line = z.object({ productId: z.uuid(), quantity: z.int().min(1).max(100) })

export const Lines = z
  .array(Line)
  .min(1)
  .max(50)
  .refine((lines) => new Set(lines.map((line) => line.productId)).size === lines.length, 'one line for each product')

export const ReservedLine = Line.extend({ name: z.string(), price: z.int() })

const Reservation = z.object({ reservation: z.uuid() })

export const catalog = contract('catalog', {
  /** In no particular order; unknown and withdrawn products are left out. */
  productsByIds: { input: z.object({ ids: z.array(z.uuid()).max(1000) }), output: z.array(Product), idempotent: true },
  /** Takes the pieces off the shelf, all or none, and says what they cost. Without `keep` they go back after half an hour. */
  reserve: {
    input: Reservation.extend({ lines: Lines }),
    output: z.object({ lines: z.array(ReservedLine) }),
    idempotent: true,
  },
  /** Makes a reservation last; takes the pieces again if they have gone back meanwhile. */
  keep: { input: Reservation, output: z.object({ kept: z.boolean() }), idempotent: true },
  /** Puts the pieces back on the shelf, once. */
  release: { input: Reservation, output: z.object({ released: z.boolean() }), idempotent: true },
})

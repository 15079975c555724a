import { contract } from 'tenfold'
import { z } from 'zod'

export const Person = z.object({ id: z.string(), name: z.string() })

/** What other modules may ask of accounts, and hear of them. */
export const accounts = contract(
  'accounts',
  {
    /** The people behind these ids; unknown ids are left out. */
    people: { input: z.object({ ids: z.array(z.string()).max(1000) }), output: z.array(Person), idempotent: true },
  },
  { registered: z.object({ id: z.string(), name: z.string() }) },
)

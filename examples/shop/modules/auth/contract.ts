import { contract } from 'tenfold'
import { z } from 'zod'

export const Person = z.object({
  id: z.uuid(),
  email: z.email(),
  name: z.string(),
  /** Since when, as an ISO time. */
  since: z.iso.datetime(),
})

export const auth = contract(
  'auth',
  {
    /** The people behind these ids, in no particular order; unknown ids are left out. */
    peopleByIds: { input: z.object({ ids: z.array(z.uuid()).max(1000) }), output: z.array(Person), idempotent: true },
  },
  { registered: z.object({ userId: z.uuid(), email: z.email(), name: z.string() }) },
)

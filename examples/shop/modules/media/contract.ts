import { contract } from 'tenfold'
import { z } from 'zod'

/** Links to the pictures, good for an hour. */
export const Avatar = z.object({ small: z.string(), medium: z.string(), large: z.string() })

export const media = contract('media', {
  /** The pictures of these people; who has none is left out. */
  avatarsOf: {
    input: z.object({ userIds: z.array(z.uuid()).max(1000) }),
    output: z.array(Avatar.extend({ userId: z.uuid() })),
    idempotent: true,
  },
})

import { defineModule, tables } from 'tenfold'
import { z } from 'zod'
import { auth } from '../auth/contract.ts'
import { orders } from '../orders/contract.ts'
import type { NotificationsTables } from './tables.gen.ts'

export const m = defineModule('notifications', {
  uses: { auth, orders },
  tables: tables<NotificationsTables>(),
  settings: z.object({
    SMTP_URL: z.url(),
    MAIL_FROM: z.string().default('Tenfold Shop <shop@shop.example>'),
    /** Where customers and orders are copied to. Without it they are only written down here. */
    CRM_URL: z.url().optional(),
    /** Lets webhooks go to addresses of the local network: for development and tests. */
    ALLOW_PRIVATE_WEBHOOKS: z.stringbool().default(false),
  }),
})

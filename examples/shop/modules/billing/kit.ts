import { defineModule, tables } from 'tenfold'
import { z } from 'zod'
import { auth } from '../auth/contract.ts'
import type { BillingTables } from './tables.gen.ts'

export const m = defineModule('billing', {
  uses: { auth },
  tables: tables<BillingTables>(),
  settings: z.object({
    PAYMENTS_URL: z.url(),
    /** How long one request to the provider may take, in ms. */
    PAYMENTS_TIMEOUT_MS: z.coerce.number().int().min(1).default(3000),
    /** Orders that score at least this, of 100, are flagged. */
    FRAUD_THRESHOLD: z.coerce.number().int().default(60),
  }),
})

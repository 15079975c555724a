// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, Generated } from 'tenfold'

export interface BillingTables {
  fraud_scores: {
    order_id: string
    score: number
    reasons: string[]
    scored_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  payments: {
    order_id: string
    user_id: string
    amount: number
    card: string
    country: string
    state: Generated<string>
    provider_id: string | null
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    changed_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

import type { Generated } from 'tenfold'

export interface BillingTables {
  payments: {
    order_id: string
    user_id: string
    amount: number
    card: string
    country: string
    state: Generated<string>
    provider_id: string | null
    created_at: Generated<Date>
    changed_at: Generated<Date>
  }
  fraud_scores: {
    order_id: string
    score: number
    reasons: string[]
    scored_at: Generated<Date>
  }
}

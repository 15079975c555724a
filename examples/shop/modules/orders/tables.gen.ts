import type { ColumnType, Generated } from 'tenfold'

export interface OrdersTables {
  cart_lines: {
    user_id: string
    product_id: string
    quantity: number
    changed_at: Generated<Date>
  }
  orders: {
    id: string
    user_id: string
    idempotency_key: string
    fingerprint: string
    state: Generated<string>
    failure: string | null
    total: number
    card: string
    address: ColumnType<unknown, string, string>
    flagged_at: Date | null
    placed_at: Generated<Date>
    paid_at: Date | null
    refunded_at: Date | null
  }
  order_lines: {
    order_id: string
    product_id: string
    name: string
    price: number
    quantity: number
  }
  sales_by_day: {
    day: string
    orders: number
    revenue: number
  }
  exports: {
    id: Generated<string>
    state: Generated<string>
    rows: Generated<number>
    requested_by: string
    created_at: Generated<Date>
  }
}

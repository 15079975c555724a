// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, Generated, Json } from 'tenfold'

export interface OrdersTables {
  cart_lines: {
    user_id: string
    product_id: string
    quantity: number
    changed_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  exports: {
    id: Generated<string>
    state: Generated<string>
    rows: Generated<number>
    requested_by: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  order_lines: {
    order_id: string
    product_id: string
    name: string
    price: number
    quantity: number
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
    address: Json
    flagged_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    placed_at: ColumnType<Date, Date | string | undefined, Date | string>
    paid_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    refunded_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  sales_by_day: {
    day: string
    orders: number
    revenue: number
  }
}

// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, Generated, GeneratedAlways } from 'tenfold'

export interface CatalogTables {
  products: {
    id: Generated<string>
    sku: string
    name: string
    description: string
    category: string
    price: number
    stock: number
    active: Generated<boolean>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    updated_at: ColumnType<Date, Date | string | undefined, Date | string>
    words: GeneratedAlways<string>
  }
  reservation_lines: {
    reservation_id: string
    product_id: string
    quantity: number
  }
  reservations: {
    id: string
    state: Generated<string>
    held_until: ColumnType<Date, Date | string, Date | string>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

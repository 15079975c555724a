import type { ColumnType, Generated } from 'tenfold'

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
    created_at: Generated<Date>
    updated_at: Generated<Date>
    words: ColumnType<string, never, never>
  }
  reservations: {
    id: string
    state: Generated<string>
    held_until: Date
    created_at: Generated<Date>
  }
  reservation_lines: {
    reservation_id: string
    product_id: string
    quantity: number
  }
}

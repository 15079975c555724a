// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, GeneratedAlways } from 'tenfold'

export interface AccountsTables {
  account: {
    id: GeneratedAlways<number>
    email: string
    name: string
    password_hash: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

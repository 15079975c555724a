// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, Generated } from 'tenfold'

export interface AuthTables {
  users: {
    id: Generated<string>
    email: string
    name: string
    password_hash: string
    role: Generated<string>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

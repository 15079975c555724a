// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType } from 'tenfold'

export interface MediaTables {
  avatars: {
    user_id: string
    upload: string | null
    ready: string | null
    problem: string | null
    changed_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, GeneratedAlways } from 'tenfold'

export interface TasksTables {
  score: {
    owner: string
    finished: number
  }
  task: {
    id: GeneratedAlways<number>
    owner: string
    title: string
    done_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}

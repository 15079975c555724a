import type { Generated } from 'tenfold'

export interface MediaTables {
  avatars: {
    user_id: string
    upload: string | null
    ready: string | null
    problem: string | null
    changed_at: Generated<Date>
  }
}

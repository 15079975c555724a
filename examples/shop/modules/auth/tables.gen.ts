import type { Generated } from 'tenfold'

export interface AuthTables {
  users: {
    id: Generated<string>
    email: string
    name: string
    password_hash: string
    role: Generated<string>
    created_at: Generated<Date>
  }
}

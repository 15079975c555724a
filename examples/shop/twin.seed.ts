/** One administrator, for what is asked in twin.ts. */
import app from './app.ts'
import config from './tenfold.config.ts'
import { hashPassword } from './modules/auth/passwords.ts'
import type { AuthTables } from './modules/auth/tables.gen.ts'

const shop = await app.start({ roles: [], config, root: new URL('./', import.meta.url), migrate: true })
try {
  const hash = await hashPassword('demo-password')
  await shop.db<AuthTables>('auth').sql`
    insert into users (email, name, role, password_hash) values ('admin@shop.example', 'Ada Admin', 'admin', ${hash})
    on conflict do nothing`
} finally {
  await shop.stop()
}

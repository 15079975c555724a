/** The database of the observations: its own tables, in schema `tenfold`, and nothing else. */
import { migrations as evidenceMigrations } from '../evidence/index.ts'
import { migrate, openDatabase, type Database } from '../database/index.ts'
import { migrations as inspectMigrations } from '../inspect/index.ts'
import { createTelemetry } from '../telemetry/index.ts'

const SOURCES = [inspectMigrations, evidenceMigrations]
const CONNECTIONS = 3

/** Makes the tables that are not there. Makes no roles and changes no rights: the database may be the app's own. */
export async function prepareKept(url: string, app: string): Promise<void> {
  await migrate({ url, app, secretKey: '', sources: SOURCES, roleMode: 'shared' })
}

/** Nothing is connected until something is asked, and what we ask is nobody's statistics but our own. */
export function openKept(url: string, app: string, connections = CONNECTIONS): Database {
  return openDatabase({
    url,
    app,
    secretKey: '',
    roleMode: 'shared',
    telemetry: createTelemetry({ service: app, env: 'production', instance: 'observe', level: 'silent' }),
    maxConnections: connections,
    watch: false,
    keepAlive: false,
  })
}

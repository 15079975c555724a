import pg from 'pg'
import type { Service } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { clientConfig, Connections, type ConnectionCounts } from './connections.ts'
import { createDb, type Db } from './db.ts'
import { createListener } from './listener.ts'
import { passwordOf, rolesOf, SYSTEM, type RoleMode } from './roles.ts'
import type { SystemDatabase } from './sql.ts'
import { createStatements } from './statements.ts'
import { runTransaction } from './transaction.ts'

export interface DatabaseOptions {
  /** Where statements go; may be a pooler in transaction mode. */
  url: string
  /** Where a session is needed (LISTEN, migrations). Defaults to `url`. */
  directUrl?: string
  /** The app's name: prefix of its roles. */
  app: string
  /** Passwords of the roles are derived from it. */
  secretKey: string
  roleMode: RoleMode
  telemetry: Telemetry
  /** Open connections of this process, over all modules. Defaults to 20. */
  maxConnections?: number
}

export interface Database {
  /** The platform's own tables. */
  readonly system: SystemDatabase
  /** The tables of one module, as that module's role. */
  module<Tables>(name: string): Db<Tables>
  /** Answers when the database does; throws TF_DATABASE_UNREACHABLE otherwise. */
  ping(): Promise<void>
  counts(): ConnectionCounts
  readonly service: Service
}

export function openDatabase(options: DatabaseOptions): Database {
  const { app, secretKey, roleMode, telemetry } = options
  const credentials = (role: string): { user: string; password: string } | undefined =>
    roleMode === 'separate' ? { user: role, password: passwordOf(secretKey, role) } : undefined
  const connections = new Connections({
    url: options.url,
    credentials,
    applicationName: `${app}/${telemetry.instanceId.slice(0, 8)}`,
    max: options.maxConnections ?? 20,
    onLost: (role, error) => telemetry.log.warn('Lost a database connection.', { role, reason: error.message }),
  })
  const prefix = `${app}_`
  const statements = createStatements(connections, telemetry, (role) => role.slice(prefix.length))
  const systemRole = rolesOf(app, SYSTEM).login
  const listener = createListener(
    () =>
      new pg.Client({
        ...clientConfig(options.directUrl ?? options.url, credentials(systemRole), `${app}/listen`),
        connectionTimeoutMillis: 10_000,
      }),
    telemetry,
  )
  watch(connections, telemetry)

  const system: SystemDatabase = {
    query: (text, values = []) => statements.run(systemRole, text, values),
    transaction: (fn) => runTransaction(statements, systemRole, {}, fn),
    listen: listener.listen,
  }
  return {
    system,
    module: (name) => createDb(statements, rolesOf(app, name).login),
    ping: async () => void (await system.query('select 1')),
    counts: () => connections.counts(),
    service: {
      name: 'database',
      start: async () => void (await system.query('select 1')),
      stop: async () => {
        await listener.close()
        await connections.close()
      },
    },
  }
}

function watch(connections: Connections, { metrics }: Telemetry): void {
  metrics.observe('db.client.connection.count', { help: 'Open database connections.', unit: '{connection}' }, () => {
    const { open, idle } = connections.counts()
    return [
      { value: idle, labels: { state: 'idle' } },
      { value: open - idle, labels: { state: 'used' } },
    ]
  })
  metrics.observe(
    'db.client.connection.pending_requests',
    { help: 'Statements that wait for a connection.', unit: '{request}' },
    () => {
      return connections.counts().waiting
    },
  )
}

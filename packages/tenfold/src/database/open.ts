import pg from 'pg'
import { systemClock, type Service } from '../kernel/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { clientConfig, Connections, type ConnectionCounts, type Credentials } from './connections.ts'
import { createDb, type Db } from './db.ts'
import { createDirect, type Direct } from './direct.ts'
import { createListener } from './listener.ts'
import { createRepeatWatch, type RepeatWatch } from './nplus1/index.ts'
import { openReplicas, type Positions, type ReplicaInfo } from './replicas/index.ts'
import { passwordOf, rolesOf, SYSTEM, type RoleMode } from './roles.ts'
import type { SystemDatabase } from './sql.ts'
import { createStatements } from './statements.ts'
import { runTransaction } from './transaction.ts'
import { parsers } from './values.ts'

export interface DatabaseOptions {
  /** Where statements go; may be a pooler in transaction mode. */
  url: string
  /** Where a session is needed (LISTEN, migrations). Defaults to `url`. */
  directUrl?: string
  /** The app's name: prefix of its roles. */
  app: string
  /** Passwords of the roles are derived from it. */
  secretKey: string
  /** Tried when the server refuses a password: one key is being changed for another. Defaults to none. */
  otherKeys?: readonly string[]
  roleMode: RoleMode
  telemetry: Telemetry
  /** Open connections of this process, over all modules. Defaults to 20. */
  maxConnections?: number
  /** Read replicas of the same cluster, one address for each: plain reads of modules go there. None by default. */
  replicaUrls?: readonly string[]
  /** A replica that is further behind is not used, in ms. Defaults to 10000, which is also the most. */
  maxReplicaLagMs?: number
  /** Whether N+1 queries are looked for. Defaults to true. */
  watch?: boolean
  /** What the values of modules become: tenfold's way (bigint a number, date a text), or as `pg` gives them (bigint a text, date a
   *  Date). Defaults to `tenfold`. */
  values?: 'tenfold' | 'pg'
  /** Whether open connections keep the process alive. Defaults to true. */
  keepAlive?: boolean
}

export interface Database {
  /** The platform's own tables. */
  readonly system: SystemDatabase
  /** The tables of one module, as that module's role. */
  module<Tables>(name: string): Db<Tables>
  /** The same, for queries that code brings itself. */
  direct(name: string): Direct
  /** Answers when the database does; throws TF_DATABASE_UNREACHABLE otherwise. */
  ping(): Promise<void>
  counts(): ConnectionCounts
  /** The same database over one connection of its own, for who watches this one: nobody counts its statements, and it does
   *  not wait in the app's line. */
  aside(name: string): Database
  /** How the writes of one process become visible to the reads of the next; undefined without replicas. */
  readonly positions: Positions | undefined
  /** The replicas as this process sees them. */
  replicas(): ReplicaInfo[]
  /** Finds N+1 queries; undefined when it was turned off. */
  readonly watch: RepeatWatch | undefined
  readonly service: Service
}

/** Well below the age at which a position is forgotten: whoever's position is that old finds its writes on every replica. */
const MAX_REPLICA_LAG_MS = 10_000

const LEFT_OPEN =
  'A statement left a transaction open on its connection, which was closed: what it wrote is rolled back. Use `db.transaction`, not `begin`.'

export function openDatabase(options: DatabaseOptions): Database {
  const { app, secretKey, roleMode, telemetry } = options
  const keys = [secretKey, ...(options.otherKeys ?? [])]
  const credentials: Credentials = (role, refused = 0) =>
    roleMode === 'separate' ? { user: role, password: passwordOf(keys[refused % keys.length]!, role) } : undefined
  const applicationName = `${app}/${telemetry.instanceId.slice(0, 8)}`
  const maxConnections = options.maxConnections ?? 20
  const systemRole = rolesOf(app, SYSTEM).login
  const typesOf = (role: string): pg.CustomTypesConfig =>
    options.values === 'pg' && role !== systemRole ? (pg.types as pg.CustomTypesConfig) : parsers
  const onLeftOpen = (role: string): void => telemetry.log.error(LEFT_OPEN, { role })
  const connections = new Connections({
    url: options.url,
    credentials,
    keys: keys.length,
    typesOf,
    applicationName,
    max: maxConnections,
    ...(options.keepAlive !== undefined && { keepAlive: options.keepAlive }),
    onLost: (role, error) => telemetry.log.warn('Lost a database connection.', { role, reason: error.message }),
    onLeftOpen,
  })
  const prefix = `${app}_`
  const moduleOf = (role: string): string => role.slice(prefix.length)
  const urls = options.replicaUrls ?? []
  const repeats = options.watch === false ? undefined : createRepeatWatch(telemetry)
  const statements = createStatements(
    connections,
    telemetry,
    moduleOf,
    urls.length > 0 ? 'primary' : undefined,
    repeats,
  )
  const replicas =
    urls.length > 0
      ? openReplicas({
          urls,
          connections,
          statements,
          createStatements: (own, target) => createStatements(own, telemetry, moduleOf, target, repeats),
          credentials,
          keys: keys.length,
          typesOf,
          onLeftOpen,
          applicationName,
          systemRole,
          maxConnections,
          maxLagMs: Math.min(MAX_REPLICA_LAG_MS, options.maxReplicaLagMs ?? MAX_REPLICA_LAG_MS),
          telemetry,
          clock: systemClock,
        })
      : undefined
  const listener = createListener(
    (refused) =>
      new pg.Client({
        ...clientConfig(options.directUrl ?? options.url, credentials(systemRole, refused), `${app}/listen`),
        connectionTimeoutMillis: 10_000,
      }),
    keys.length,
    telemetry,
  )
  observeConnections(() => connections.counts(), telemetry)

  const system: SystemDatabase = {
    query: (text, values = []) => statements.run(systemRole, text, values),
    transaction: (fn) => runTransaction(statements, systemRole, {}, fn),
    listen: listener.listen,
  }
  return {
    system,
    module: (name) => createDb(statements, rolesOf(app, name).login, replicas?.routing),
    direct: (name) => createDirect(statements, rolesOf(app, name).login, replicas?.routing),
    ping: async () => void (await system.query('select 1')),
    counts: () => connections.counts(),
    aside: (name) =>
      openDatabase({
        ...options,
        telemetry: createTelemetry({ service: app, env: 'production', instance: name, level: 'silent' }),
        maxConnections: 1,
        replicaUrls: [],
        watch: false,
      }),
    watch: repeats,
    positions: replicas?.positions,
    replicas: () => replicas?.list() ?? [],
    service: {
      name: 'database',
      start: async () => {
        await system.query('select 1')
        await replicas?.start()
      },
      stop: async () => {
        await listener.close()
        await replicas?.close()
        await connections.close()
      },
    },
  }
}

/** Publishes how many connections there are, and how many statements wait for one. */
export function observeConnections(
  counts: () => Pick<ConnectionCounts, 'open' | 'idle' | 'waiting'>,
  { metrics }: Pick<Telemetry, 'metrics'>,
): void {
  metrics.observe('db.client.connection.count', { help: 'Open database connections.', unit: '{connection}' }, () => {
    const { open, idle } = counts()
    return [
      { value: idle, labels: { state: 'idle' } },
      { value: open - idle, labels: { state: 'used' } },
    ]
  })
  metrics.observe(
    'db.client.connection.pending_requests',
    { help: 'Statements that wait for a connection.', unit: '{request}' },
    () => counts().waiting,
  )
}

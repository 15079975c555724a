/** The settings of PgBouncer for an app: transaction mode, and a pool for each role whose sizes fit the server together.
 *
 *  Each role has a cap of its own (`max_user_connections`) in place of one cap for all: under a shared cap the pools of the
 *  roles take connections from each other, and each time one is closed and another opened. */
import { passwordOf, rolesOf, SYSTEM } from '../roles.ts'

export interface PoolerOptions {
  app: string
  modules: readonly string[]
  /** Passwords of the roles are derived from it. */
  secretKey: string
  /** The server behind the pooler, and the name under which clients find it. */
  server: { host: string; port: number; database: string }
  /** Where the pooler listens. Defaults to 127.0.0.1:6432. */
  listen?: { address: string; port: number }
  /** `max_connections` of the server. */
  maxConnections: number
  /** Poolers before this server, this one included: they share what it has. Defaults to 1. */
  poolers?: number
  /** Processes of the app, each of which has a direct connection for LISTEN. Defaults to 4. */
  processes?: number
  /** Connections of one process to the pooler. Defaults to 20. */
  clientsPerProcess?: number
  /** How much of the pool a module gets compared with others, by name; the platform itself is `tenfold`. Defaults to 1, and to 2 for the platform. */
  weights?: Readonly<Record<string, number>>
}

export interface PoolerSettings {
  ini: string
  /** `userlist.txt`: names and passwords, to be readable by the pooler alone. */
  userlist: string
  /** Server connections of each role. */
  pools: Record<string, number>
}

/** Kept free: for superusers (3), migrations and backups, and people with psql. */
const RESERVED = 3 + 4 + 3

/** @example const { ini, userlist } = poolerSettings({ app: 'shop', modules: ['orders', 'billing'], … }) */
export function poolerSettings(options: PoolerOptions): PoolerSettings {
  const {
    app,
    modules,
    secretKey,
    server,
    maxConnections,
    poolers = 1,
    processes = 4,
    clientsPerProcess = 20,
  } = options
  const listen = options.listen ?? { address: '127.0.0.1', port: 6432 }
  const names = [SYSTEM, ...modules]
  const pools = poolSizes(names, (maxConnections - RESERVED - processes) / poolers, options.weights ?? {})
  const roleOf = (name: string): string => rolesOf(app, name).login
  const byRole = names.map((name) => [roleOf(name), pools[name]!] as const)
  const largest = Math.max(...Object.values(pools))
  return {
    pools: Object.fromEntries(byRole),
    userlist: byRole.map(([role]) => `${quoted(role)} ${quoted(passwordOf(secretKey, role))}\n`).join(''),
    ini: `; ${server.database}: ${sum(pools)} of ${maxConnections} server connections, over ${names.length} roles
[databases]
${server.database} = host=${server.host} port=${server.port} dbname=${server.database}

[users]
${byRole.map(([role, size]) => `${role} = max_user_connections=${size}`).join('\n')}

[pgbouncer]
listen_addr = ${listen.address}
listen_port = ${listen.port}
auth_type = scram-sha-256
auth_file = userlist.txt

; A server connection for the length of a transaction. Nothing may be left in a session: limits and search_path are set on the
; roles, LISTEN and migrations go to DATABASE_DIRECT_URL.
pool_mode = transaction
default_pool_size = ${largest}
min_pool_size = 0
max_client_conn = ${Math.max(100, processes * clientsPerProcess * 2)}

; Rather an error than a request that waits for longer than its client.
query_wait_timeout = 10
server_login_retry = 1
server_connect_timeout = 5
server_idle_timeout = 60
server_lifetime = 3600
; Finds connections that a firewall has forgotten.
tcp_keepalive = 1
tcp_keepidle = 30
`,
  }
}

/** Shares `total` out by weight; each gets at least one. Throws a RangeError when there is not enough for that. */
export function poolSizes(
  names: readonly string[],
  total: number,
  weights: Readonly<Record<string, number>>,
): Record<string, number> {
  const budget = Math.floor(total)
  if (budget < names.length)
    throw new RangeError(`${budget} server connections are too few for ${names.length} roles: raise max_connections`)
  const weightOf = (name: string): number => Math.max(0, weights[name] ?? (name === SYSTEM ? 2 : 1))
  const all = names.reduce((total, name) => total + weightOf(name), 0) || 1
  const spare = budget - names.length
  return Object.fromEntries(names.map((name) => [name, 1 + Math.floor((spare * weightOf(name)) / all)]))
}

function sum(pools: Record<string, number>): number {
  return Object.values(pools).reduce((a, b) => a + b, 0)
}

/** In userlist.txt a quote is written twice. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

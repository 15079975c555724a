/** What can be found out about the configured addresses by knocking at them: for `tenfold check`. Changes nothing. */
import pg from 'pg'
import { messageOf } from '../kernel/index.ts'
import { clientConfig, reasonOf } from './connections.ts'
import { adviseOnPooler, detectPooler, type PoolerFacts } from './pooler/index.ts'

export interface Reach {
  pooler: PoolerFacts
  /** What will not work. */
  problems: string[]
  /** What works less well, and what could not be found out from here. */
  warnings: string[]
  /** Which replicas cannot be used, counted from 1. */
  unusableReplicas: number[]
}

export interface Addresses {
  databaseUrl: string
  /** Only if it was given. */
  databaseDirectUrl: string | undefined
  databaseReplicaUrls: readonly string[]
  /** Connections of one process. Defaults to 20. */
  connections?: number
}

export async function reachDatabase(addresses: Addresses): Promise<Reach> {
  const { databaseUrl, databaseDirectUrl, databaseReplicaUrls } = addresses
  const hasDirect = databaseDirectUrl !== undefined && databaseDirectUrl !== databaseUrl
  const reach: Reach = { pooler: { mode: undefined }, problems: [], warnings: [], unusableReplicas: [] }
  try {
    reach.pooler = await detectPooler(databaseUrl)
  } catch (error) {
    reach.warnings.push(`not looked at from here: ${messageOf(error)}`)
    return reach
  }
  const advice = adviseOnPooler(reach.pooler, hasDirect)
  reach.problems.push(...advice.problems)
  reach.warnings.push(...advice.warnings)
  const server = await look(databaseDirectUrl ?? databaseUrl).catch((error: unknown) => reasonOf(error))
  if (typeof server === 'string') {
    reach.warnings.push(`DATABASE_DIRECT_URL: cannot be reached from here: ${server}`)
    return reach
  }
  if (server.standby) reach.problems.push('DATABASE_URL: this server is a replica, which takes no writes')
  if (reach.pooler.mode === undefined) reach.warnings.push(...roomFor(server, addresses.connections ?? 20))
  if (server.slots > 0 && server.kept === '-1')
    reach.warnings.push(
      'max_slot_wal_keep_size is not set: the log is kept for a replica or an archive that is gone until the disk of the primary is full',
    )
  for (const [i, url] of databaseReplicaUrls.entries()) {
    const problem = await wrongWith(url, server)
    if (!problem) continue
    reach.problems.push(`DATABASE_REPLICA_URLS: number ${i + 1} ${problem}; its reads go to the primary`)
    reach.unusableReplicas.push(i + 1)
  }
  return reach
}

interface Server {
  standby: boolean
  cluster: string
  room: number
  /** Replication slots, each of which holds back the log until its reader has it; and how much they may hold back at most. */
  slots: number
  kept: string
}

async function look(url: string): Promise<Server> {
  const client = new pg.Client({ ...clientConfig(url, undefined, 'tenfold/check'), connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<Server>(
      `select pg_is_in_recovery() as standby, (select system_identifier::text from pg_control_system()) as cluster,
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room,
         (select count(*)::int from pg_replication_slots where not temporary) as slots,
         current_setting('max_slot_wal_keep_size') as kept`,
    )
    return rows[0]!
  } finally {
    await client.end().catch(() => {})
  }
}

function roomFor({ room }: Server, perProcess: number): string[] {
  // One more for each process: it listens.
  const processes = Math.floor(room / (perProcess + 1))
  if (processes >= 4) return []
  return [
    `the server takes ${room} connections: room for ${processes} processes of ${perProcess}; put PgBouncer before it, or lower \`database.connections\``,
  ]
}

async function wrongWith(url: string, primary: Server): Promise<string | undefined> {
  try {
    const server = await look(url)
    if (server.cluster !== primary.cluster) return 'belongs to another cluster than DATABASE_URL'
    if (!server.standby) return 'is not a replica (the server is not in recovery)'
    return undefined
  } catch (error) {
    return `cannot be reached from here: ${reasonOf(error)}`
  }
}

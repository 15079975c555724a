/** What kind of backup this server and the installed programs allow. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Kind } from './backup.ts'
import { BackupImpossible } from './errors.ts'
import { whyNotReplicate } from './replication.ts'
import { withClient } from './tables.ts'

export interface Server {
  /** Such as `18.4`. */
  version: string
  major: number
  database: string
  now: string
}

interface Facts extends Server {
  replicates: boolean
  walLevel: string
  senders: number
  tablespaces: number
}

export async function describeServer(url: string): Promise<Facts> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<Facts>(`select current_setting('server_version') as version,
      current_setting('server_version_num')::int / 10000 as major, current_database() as database,
      (select rolsuper or rolreplication from pg_roles where rolname = current_user) as replicates,
      current_setting('wal_level') as "walLevel", current_setting('max_wal_senders')::int as senders,
      (select count(*)::int from pg_tablespace where spcname not in ('pg_default', 'pg_global')) as tablespaces,
      to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`)
    const facts = rows[0]!
    return { ...facts, version: facts.version.split(' ')[0]! }
  })
}

/** Base backups where they can be had; throws TF_BACKUP_IMPOSSIBLE with what is in the way. */
export async function chooseKind(url: string, server: Facts, wanted?: Kind): Promise<Kind> {
  const why: string[] = []
  if (wanted !== 'dump') {
    const obstacle = await againstBase(url, server)
    if (obstacle === undefined) return 'base'
    why.push(`no base backup, because ${obstacle}`)
  }
  if (wanted !== 'base') {
    const program = await findProgram('pg_dump', server.major)
    if (program !== undefined) return 'dump'
    why.push(`no dump, because pg_dump ${server.major} or newer is not installed`)
  }
  throw BackupImpossible({ why })
}

async function againstBase(url: string, server: Facts): Promise<string | undefined> {
  if (server.major < 15) return `the server is Postgres ${server.version}, and 15 is the oldest for that`
  if (!server.replicates) return 'the user may not replicate'
  if (server.walLevel === 'minimal') return 'wal_level is minimal'
  if (server.senders === 0) return 'max_wal_senders is 0'
  if (server.tablespaces > 0) return `it has ${server.tablespaces} tablespaces beside its own folder`
  return whyNotReplicate(url)
}

/** `pg_dump` or `pg_restore` of at least this major version: of Debian's folders the oldest that fits, else of the PATH. */
export async function findProgram(name: 'pg_dump' | 'pg_restore', major: number): Promise<string | undefined> {
  const folder = '/usr/lib/postgresql'
  const versions = existsSync(folder) ? readdirSync(folder).map(Number) : []
  const inFolder = versions
    .filter((version) => version >= major)
    .sort((a, b) => a - b)
    .map((version) => `${folder}/${version}/bin/${name}`)
    .find((path) => existsSync(path))
  if (inFolder !== undefined) return inFolder
  const { stdout } = await promisify(execFile)(name, ['--version']).catch(() => ({ stdout: '' }))
  return Number(/(\d+)\.?\d*/.exec(stdout)?.[1] ?? 0) >= major ? name : undefined
}

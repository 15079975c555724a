import { existsSync } from 'node:fs'
import pg from 'pg'
import { messageOf } from '../../kernel/index.ts'
import { findBinaries } from './binaries.ts'
import { ADMIN, ensureCluster } from './cluster.ts'
import { EmbeddedDiskFull, EmbeddedStartFailed } from './errors.ts'
import { liveUsers, openHome, readPrivate, signIn, withLock, writePrivate, type Home } from './home.ts'
import { findRunning, launch, shutDown, untilReady, type Running } from './server.ts'

export interface EmbeddedOptions {
  /** The folder of this server, usually `.tenfold/postgres`; made when it is not there. */
  dataDir: string
  /** Made when it is not there. */
  database: string
  /** Tried first. Without it: the port of the last start, or any free one. A taken port is never an error. */
  port?: number
  /** `false` trades the data for speed: for tests only. Defaults to true. */
  fsync?: boolean
  /** Settings of postgresql.conf, stronger than ours. */
  settings?: Record<string, string>
  /** How long a start may take, in milliseconds. Defaults to 60000: after a crash a server replays its log first. */
  waitMs?: number
  /** Told in a sentence what takes its time. */
  log?: (line: string) => void
}

export interface EmbeddedPostgres {
  /** The administrator's address of `database`, password included. */
  adminUrl: string
  /** For example `18.4`. */
  version: string
  pid: number
  port: number
  /** False when a server of this folder was running already, and was joined. */
  startedFresh: boolean
  /** Leaves the server; the last one who leaves it stops it. */
  stop(): Promise<void>
}

/** Real Postgres from npm, in one folder.
 *
 *  E1  It listens on 127.0.0.1 alone and asks everyone for a password, which is random and lies beside the data (0600).
 *  E2  One server per folder: a second process joins the one that runs; whoever leaves last stops it.
 *  E3  Nothing that was killed is in the way of the next start: not an orphaned server (it is joined), not a stale
 *      postmaster.pid or lock (both are seen through), not a half-made folder (it is made anew).
 *  E4  A signal is sent only to a process that is seen to be a Postgres of this folder.
 *  E5  It works as any user. As root, the server runs with the rights of the project's owner, of `postgres` or of `nobody`.
 *  E6  What was committed is there after any crash, unless `fsync` is false.
 *
 *  The folder belongs to one machine: containers that share it over a volume cannot see each other's processes.
 *
 *  @example
 *  const postgres = await startEmbedded({ dataDir: '.tenfold/postgres', database: 'shop' })
 *  postgres.adminUrl         // -> postgres://postgres:…@127.0.0.1:54321/shop
 *  await postgres.stop() */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  try {
    const home = openHome(options.dataDir)
    return await withLock(home, () => enter(home, options))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    throw EmbeddedDiskFull({ dataDir: options.dataDir }, { cause: error })
  }
}

async function enter(home: Home, options: EmbeddedOptions, attempt = 1): Promise<EmbeddedPostgres> {
  const { running, version, password, startedFresh } = (await join(home, options)) ?? (await begin(home, options))
  const urlOf = (database: string): string =>
    `postgres://${ADMIN}:${password}@127.0.0.1:${running.port}/${encodeURIComponent(database)}`
  const signOut = signIn(home)
  try {
    await ensureDatabase(urlOf('postgres'), options.database)
  } catch (error) {
    const died = !findRunning(home) // killed under our hands: start it again
    await leave(home, signOut)
    if (died && attempt < 3) return enter(home, options, attempt + 1)
    throw error
  }
  // Without its folder (somebody removed .tenfold) nobody else can find the server: it is ours to stop.
  const stop = async (): Promise<void> => {
    if (!existsSync(home.folder)) return shutDown(home, running.pid)
    await withLock(home, () => leave(home, signOut)).catch(() => leave(home, signOut)) // a full disk has no room for a lock
  }
  let left: Promise<void> | undefined
  return {
    adminUrl: urlOf(options.database),
    version,
    pid: running.pid,
    port: running.port,
    startedFresh,
    stop: () => (left ??= stop()),
  }
}

/** Signs out, and stops the server when nobody else uses it. */
async function leave(home: Home, signOut: () => void): Promise<void> {
  signOut()
  const running = findRunning(home)
  if (running && liveUsers(home) === 0) await shutDown(home, running.pid)
}

interface Begun {
  running: Running
  version: string
  password: string
  startedFresh: boolean
}

interface LastStart {
  version: string
  port: number
  settings: Record<string, string>
}

/** Joins the server that runs, if it is one we can use. One without users that is not as asked, or does not let us in, is stopped. */
async function join(home: Home, options: EmbeddedOptions): Promise<Begun | undefined> {
  if (!findRunning(home)) return undefined
  const running = await untilReady(home, options.waitMs ?? 60_000)
  if (!running) return undefined
  const last = lastStart(home)
  const password = readPrivate(home, 'password')
  const asAsked = last !== undefined && JSON.stringify(last.settings) === JSON.stringify(settingsOf(options))
  const inUse = liveUsers(home) > 0
  const refused = password === undefined ? 'its password is lost' : await knock(running.port, password)
  if (last && password !== undefined && refused === undefined && (asAsked || inUse)) {
    options.log?.(
      `Joined the Postgres that runs on port ${running.port}${asAsked ? '' : ', with the settings it has'}.`,
    )
    return { running, version: last.version, password, startedFresh: false }
  }
  if (!findRunning(home)) return undefined
  if (inUse && refused !== undefined)
    throw EmbeddedStartFailed({ dataDir: home.folder, log: `The running server cannot be joined: ${refused}` })
  await shutDown(home, running.pid)
  return undefined
}

async function begin(home: Home, options: EmbeddedOptions): Promise<Begun> {
  const binaries = findBinaries(home.account)
  const settings = settingsOf(options)
  const { made, password } = await ensureCluster(home, binaries, options.fsync ?? true)
  if (made) options.log?.(`Made a new database in ${home.folder}.`)
  const port = options.port ?? lastStart(home)?.port
  const running = await launch({ home, binaries, settings, port, waitMs: options.waitMs ?? 60_000 })
  writePrivate(
    home,
    'server.json',
    JSON.stringify({ version: binaries.version, port: running.port, settings } satisfies LastStart),
  )
  options.log?.(`Postgres ${binaries.version} listens on 127.0.0.1:${running.port}.`)
  return { running, version: binaries.version, password, startedFresh: true }
}

/** Small, for a machine that runs everything: what a laptop or a one-gigabyte VM has to spare. */
function settingsOf({ fsync = true, settings }: EmbeddedOptions): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '', // paths to a project are often longer than the 107 bytes a socket may have
    shared_preload_libraries: 'pg_stat_statements',
    shared_buffers: '64MB',
    max_connections: '100',
    wal_level: 'replica',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  }
}

function lastStart(home: Home): LastStart | undefined {
  try {
    return JSON.parse(readPrivate(home, 'server.json') ?? '') as LastStart
  } catch {
    return undefined
  }
}

/** Why the server does not let us in, or undefined when it does. With scram the server proves that it knows our password, too. */
async function knock(port: number, password: string): Promise<string | undefined> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: ADMIN,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => {}) // the statement that was running reports it
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return messageOf(error)
  } finally {
    await client.end().catch(() => {})
  }
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`)
  } finally {
    await client.end().catch(() => {})
  }
}

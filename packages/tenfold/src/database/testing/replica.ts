/** Real streaming replicas of a test server, on the same machine, with a lag that tests set. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { openHome, writePrivate } from '../embedded/home.ts'
import { startEmbedded, type EmbeddedPostgres } from '../embedded/index.ts'
import { temporaryFolder } from './folder.ts'
import { databaseUrl, endWithThisProcess, MOST_CONNECTIONS } from './server.ts'

export interface TestReplica {
  /** Of an administrator; `databaseUrl(replica.adminUrl, name)` for another database. */
  readonly adminUrl: string
  readonly pid: number
  /** Every commit is seen here this much later, in ms. */
  setLag(ms: number): Promise<void>
  /** Stops replaying; what comes in is kept for `resume`. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends the server at once, as if the machine had failed. */
  kill(): Promise<void>
  /** Starts it again, on the same port. */
  restart(): Promise<void>
  /** Makes a primary of it. */
  promote(): Promise<void>
  /** Follows another primary, for example a replica that was promoted. */
  follow(adminUrl: string): Promise<void>
  /** Resolves when all that the primary has now can be seen here. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

export interface TestReplicaOptions {
  /** As `setLag`. Defaults to 0. */
  lagMs?: number
  /** Settings of postgresql.conf. */
  settings?: Record<string, string>
}

/** Copies the running server and starts the copy as its replica, in about two seconds.
 *  The server has to be on this machine, with files that we may read.
 *  @example
 *  const replica = await createReplica(await testServer(), { lagMs: 250 })
 *  const url = databaseUrl(replica.adminUrl, 'shop') */
export async function createReplica(
  primary: { adminUrl: string },
  options: TestReplicaOptions = {},
): Promise<TestReplica> {
  const folder = temporaryFolder('replica')
  const dismiss = endWithThisProcess(folder)
  const dataDir = join(folder, 'postgres')
  const home = openHome(dataDir)
  await copyRunning(primary.adminUrl, home.data)
  writePrivate(home, 'password', decodeURIComponent(new URL(primary.adminUrl).password))
  const state = { source: primary.adminUrl }
  const settings = (): Record<string, string> => ({
    max_connections: MOST_CONNECTIONS,
    shared_buffers: '32MB',
    fsync: 'off',
    hot_standby: 'on',
    wal_receiver_status_interval: '1s',
    wal_retrieve_retry_interval: '100ms',
    ...options.settings,
  })
  writeFileSync(join(home.data, 'standby.signal'), '')
  appendFileSync(
    join(home.data, 'postgresql.auto.conf'),
    `\nprimary_conninfo = '${conninfo(state.source)}'\nrecovery_min_apply_delay = '${options.lagMs ?? 0}ms'\n`,
  )
  if (home.account)
    must(spawnSync('chown', ['-R', `${home.account.uid}:${home.account.gid}`, home.data], { encoding: 'utf8' }))
  const start = (port?: number): Promise<EmbeddedPostgres> =>
    startEmbedded({ dataDir, database: 'postgres', settings: settings(), ...(port !== undefined && { port }) })
  let server = await start()
  const port = server.port
  const adminUrl = databaseUrl(server.adminUrl, 'postgres')

  return {
    adminUrl,
    get pid() {
      return server.pid
    },
    async setLag(ms) {
      await ask(adminUrl, `alter system set recovery_min_apply_delay = '${Math.trunc(ms)}ms'`)
      await ask(adminUrl, 'select pg_reload_conf()')
      await until(async () => (await ask(adminUrl, 'show recovery_min_apply_delay'))[0] !== undefined)
    },
    pause: async () => void (await ask(adminUrl, 'select pg_wal_replay_pause()')),
    resume: async () => void (await ask(adminUrl, 'select pg_wal_replay_resume()')),
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await until(async () => !(await answers(adminUrl)))
    },
    async restart() {
      server = await start(port)
      if (server.port !== port) throw new Error(`port ${port} was taken while the replica was away`)
    },
    promote: async () => void (await ask(adminUrl, 'select pg_promote(true, 30)')),
    async follow(url) {
      state.source = url
      await ask(adminUrl, `alter system set primary_conninfo = '${conninfo(url)}'`)
      await ask(adminUrl, 'select pg_reload_conf()')
    },
    async caughtUp() {
      // A commit that waits for the disk takes with it all that came before, also from those who did not wait.
      await ask(
        state.source,
        `begin; set local synchronous_commit = on; select pg_logical_emit_message(true, 'tenfold', 'here'); commit`,
      )
      const [row] = await ask(state.source, 'select pg_current_wal_flush_lsn()::text as lsn')
      await until(async () => {
        const [seen] = await ask(
          adminUrl,
          `select pg_last_wal_replay_lsn() >= '${row!.lsn as string}'::pg_lsn as there`,
        )
        return seen!.there === true
      })
    },
    async close() {
      await server.stop().catch(() => {})
      dismiss()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
    },
  }
}

/** A base backup over the file system: what the server writes meanwhile is repaired by replaying its log from the start. */
async function copyRunning(adminUrl: string, target: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    // Replicas fetch what they miss from here; a slot would keep the log of one that is gone for ever.
    await client.query(`alter system set wal_keep_size = '512MB'`)
    await client.query('select pg_reload_conf()')
    const { rows } = await client.query<{ folder: string; pid: string }>(
      `select current_setting('data_directory') as folder, split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`,
    )
    // A server that may not walk down to its folder calls it by its own working directory.
    const { pid } = rows[0]!
    const source = rows[0]!.folder.replace('/proc/self/', `/proc/${pid}/`)
    if (!existsSync(join(source, 'PG_VERSION'))) throw new Error(`the files of the server are not here: ${source}`)
    await client.query(`select pg_backup_start('replica', true)`)
    mkdirSync(target, { mode: 0o700 })
    copyFiles(source, target)
    const stopped = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    writeFileSync(join(target, 'backup_label'), stopped.rows[0]!.labelfile)
  } finally {
    await client.end()
  }
}

function copyFiles(source: string, target: string): void {
  const skip = [
    'postmaster.*',
    'pg_wal/*',
    'pg_replslot/*',
    'pg_dynshmem/*',
    'pg_stat_tmp/*',
    'pg_notify/*',
    'pg_snapshots/*',
    'pg_serial/*',
    'pg_subtrans/*',
    'pg_internal.init',
  ]
  // A file that goes away while it is read is no fault (status 1): the log knows of it.
  const script = `tar -cf - -C "$1" ${skip.map((path) => `--exclude='./${path}' --exclude='${path}'`).join(' ')} . | tar -xf - -C "$2"`
  must(spawnSync('/bin/sh', ['-c', script, 'copy', source, target], { encoding: 'utf8' }))
  for (const folder of ['pg_wal', 'pg_wal/archive_status'])
    mkdirSync(join(target, folder), { recursive: true, mode: 0o700 })
}

function must({ status, stderr, error }: { status: number | null; stderr: string; error?: Error }): void {
  if (status !== 0) throw new Error(stderr || String(error))
}

function conninfo(adminUrl: string): string {
  const { hostname, port, username, password } = new URL(adminUrl)
  return `host=${hostname} port=${port} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}`
}

async function ask(adminUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end().catch(() => {})
  }
}

async function answers(adminUrl: string): Promise<boolean> {
  return ask(adminUrl, 'select 1').then(
    () => true,
    () => false,
  )
}

async function until(condition: () => Promise<boolean> | boolean, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`the replica is not where it should be after ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

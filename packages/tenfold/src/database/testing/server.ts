import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { quoteName } from '../roles.ts'
import { copyNewCluster, startEmbedded } from '../embedded/index.ts'
import { temporaryFolder } from './folder.ts'

export interface TestServer {
  /** Of an administrator, with password. */
  adminUrl: string
  /** The server of TEST_DATABASE_URL stays as it is; ours stops, which also happens by itself when the process ends. */
  stop(): Promise<void>
}

/** Starts a Postgres that does not outlive this process, however it ends, and that does not keep it alive.
 *  TEST_DATABASE_URL (an administrator's address) takes its place: `TEST_DATABASE_URL=postgres://… npm test`. */
export async function startTestServer(url = process.env.TEST_DATABASE_URL): Promise<TestServer> {
  if (url) return { adminUrl: url, stop: async () => {} }
  const folder = temporaryFolder('test')
  const dataDir = join(folder, 'postgres')
  const dismiss = endWithThisProcess(folder)
  await copyNewCluster(dataDir)
  const server = await startEmbedded({ dataDir, database: 'postgres', fsync: false, settings: FAST })
  return {
    adminUrl: server.adminUrl,
    stop: async () => {
      await server.stop()
      dismiss()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** For several test files at once, each with instances and poolers of its own. A replica needs as many as its primary. */
export const MOST_CONNECTIONS = '300'

const FAST = {
  max_connections: MOST_CONNECTIONS,
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  autovacuum_naptime: '10min',
  'pg_stat_statements.track': 'all',
}

/** `read` returns when the pipe from our process is closed, which the kernel does even after `kill -9`. */
const WATCH = `
  read -r nothing
  lock="$1/postgres/data/postmaster.pid"
  pid=$(head -n 1 "$lock" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    tries=0
    while [ -e "$lock" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  fi
  rm -rf "$1"`

/** A shell that waits for our end and then stops the server and removes its folder. Returns the way to send it home early. */
export function endWithThisProcess(folder: string): () => void {
  const watcher = spawn('/bin/sh', ['-c', WATCH, 'tenfold-test-watch', folder], {
    detached: true, // Ctrl-C ends the whole process group: the watcher has to outlive it
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  })
  watcher.unref()
  ;(watcher.stdin as unknown as { unref(): void }).unref()
  return () => watcher.stdin.end()
}

/** Makes a database, from `template` (a whole copy of it) when one is given. */
export async function createDatabase(server: { adminUrl: string }, name: string, template?: string): Promise<string> {
  // With fsync off, copying files beats writing every page to the log.
  const copy = template === undefined ? '' : `template ${quoteName(template)} strategy file_copy`
  await adminQuery(server, `create database ${quoteName(name)} ${copy}`)
  return databaseUrl(server.adminUrl, name)
}

/** Removes a database, whoever is still connected to it. */
export async function dropDatabase(server: { adminUrl: string }, name: string): Promise<void> {
  await adminQuery(server, `drop database if exists ${quoteName(name)} with (force)`)
}

export function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.href
}

async function adminQuery({ adminUrl }: { adminUrl: string }, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {}) // the statement that was running reports it
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end().catch(() => {})
  }
}

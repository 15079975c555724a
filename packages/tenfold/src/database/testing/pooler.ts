/** A real PgBouncer before a test server, for any of its databases and roles. */
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import { accountFor } from '../embedded/account.ts'
import { temporaryFolder } from './folder.ts'
import { freePort } from './port.ts'

export type PoolMode = 'session' | 'transaction' | 'statement'

export interface TestPooler {
  readonly version: string
  /** The address of a database through the pooler. */
  urlOf(url: string): string
  /** Ends it at once and starts it again on the same port: every connection through it breaks. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface TestPoolerOptions {
  /** Defaults to `transaction`. */
  mode?: PoolMode
  /** Server connections for each pair of database and role. Defaults to 10. */
  poolSize?: number
}

/** The program, or undefined where it is not installed: `scripts/setup` installs it. */
export function pgbouncerProgram(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path))
}

/** @example
 *  const pooler = await startPooler(await testServer())
 *  const database = openDatabase({ url: pooler.urlOf(url), directUrl: url, … }) */
export async function startPooler(server: { adminUrl: string }, options: TestPoolerOptions = {}): Promise<TestPooler> {
  const program = pgbouncerProgram()
  if (!program) throw new Error('pgbouncer is not installed: run scripts/setup')
  const { hostname, port: serverPort, username, password } = new URL(server.adminUrl)
  const folder = temporaryFolder('pooler')
  const port = await freePort()
  const account = accountFor(folder)
  const files = {
    'users.txt': `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`,
    'pgbouncer.ini': `[databases]
* = host=${hostname} port=${serverPort} auth_user=${decodeURIComponent(username)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users.txt
auth_query = select usename, passwd from pg_shadow where usename = $1
admin_users = ${decodeURIComponent(username)}
pool_mode = ${options.mode ?? 'transaction'}
default_pool_size = ${options.poolSize ?? 10}
max_client_conn = 1000
server_lifetime = 600
server_idle_timeout = 5
server_login_retry = 0.2
query_wait_timeout = 20
`,
  }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    if (account) chownSync(join(folder, name), account.uid, account.gid)
  }
  chmodSync(folder, 0o755)
  if (account) chownSync(folder, account.uid, account.gid)
  const start = () => startProgram(program, join(folder, 'pgbouncer.ini'), account, server.adminUrl, port)
  let running = await start()
  return {
    version: running.version,
    urlOf(url) {
      const through = new URL(url)
      through.hostname = '127.0.0.1'
      through.port = String(port)
      return through.href
    },
    async restart() {
      await running.stop()
      running = await start()
    },
    async close() {
      await running.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startProgram(
  program: string,
  ini: string,
  account: { uid: number; gid: number } | undefined,
  adminUrl: string,
  port: number,
): Promise<{ version: string; stop(): Promise<void> }> {
  const as = account ? { uid: account.uid, gid: account.gid } : {}
  // A shell beside it ends it, and removes its folder, when we are gone, however we went.
  const child = spawn('/bin/sh', ['-c', GUARD, 'pooler', program, ini, dirname(ini)], {
    ...as,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.unref()
  for (const pipe of [child.stdin, child.stderr]) (pipe as unknown as { unref(): void }).unref()
  const deadline = Date.now() + 10_000
  for (;;) {
    const version = await versionOf(adminUrl, port).catch(() => undefined)
    const stop = async (): Promise<void> => {
      // Whoever waits for nothing else would end before it.
      child.ref()
      child.stdin.end('stop\n')
      await ended
    }
    if (version) return { version, stop }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`pgbouncer did not start:\n${said}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const GUARD = `"$1" -q "$2" & pid=$!
trap 'kill -KILL $pid 2>/dev/null' EXIT
read -r asked || rm -rf "$3"
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null`

async function versionOf(adminUrl: string, port: number): Promise<string> {
  const url = new URL(adminUrl)
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: 'pgbouncer',
    connectionTimeoutMillis: 1000,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>('show version')
    return rows[0]!.version.replace(/^PgBouncer /, '')
  } finally {
    await client.end().catch(() => {})
  }
}

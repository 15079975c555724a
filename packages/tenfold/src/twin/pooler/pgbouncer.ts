/** A real PgBouncer in transaction mode before the database of the app, for as long as a run takes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { messageOf } from '../../kernel/index.ts'
import { PoolerFailed } from '../errors.ts'

export interface Pooler {
  readonly port: number
  /** The address of the app's database through it. */
  urlOf(url: string): string
  close(): Promise<void>
}

/** PgBouncer refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

export function pgbouncerProgram(path = process.env.PATH ?? ''): string | undefined {
  return [...path.split(delimiter), '/usr/sbin']
    .map((folder) => join(folder, 'pgbouncer'))
    .find((one) => existsSync(one))
}

/** @param url the database, with the name and password that the app logs in with
 *  @param connections so many of the server take turns: what one statement leaves in a session, the next one does not find */
export async function startPgBouncer(program: string, url: string, connections: number): Promise<Pooler> {
  const server = new URL(url)
  const user = decodeURIComponent(server.username)
  const folder = await mkdtemp(join(tmpdir(), 'twin-pooler-'))
  const port = await freePort()
  const files = {
    'users.txt': `${quoted(user)} ${quoted(decodeURIComponent(server.password))}\n`,
    // Other roles of the app prove their password, with which PgBouncer can go on to the server.
    'hba.txt': `host all ${quoted(user)} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n`,
    'pgbouncer.ini': settings(server, port, folder, connections),
  }
  const as = process.getuid?.() === 0 ? NOBODY : undefined
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content, { mode: 0o600 })
    if (as) await chown(join(folder, name), as.uid, as.gid)
  }
  if (as) await chown(folder, as.uid, as.gid)
  const child = spawn(program, ['-q', join(folder, 'pgbouncer.ini')], { ...as, stdio: ['ignore', 'ignore', 'pipe'] })
  const state = { said: '', ended: false }
  child.stderr.on('data', (data: Buffer) => (state.said = (state.said + data.toString()).slice(-2000)))
  const exit = new Promise<void>((resolve) => {
    child.once('exit', resolve).once('error', (error) => ((state.said += error.message), resolve()))
  }).then(() => void (state.ended = true))
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const pooler: Pooler = {
    port,
    urlOf(one) {
      const through = new URL(one)
      through.hostname = '127.0.0.1'
      through.port = String(port)
      // Between the app and its pooler, which is on this machine.
      through.searchParams.delete('sslmode')
      return through.href
    },
    async close() {
      kill()
      await exit
      process.off('exit', kill)
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await warm(pooler.urlOf(url), connections, state)
    return pooler
  } catch (error) {
    await pooler.close()
    throw PoolerFailed({ reason: `${messageOf(error)} ${state.said}`.trim() })
  }
}

function settings(
  { hostname, port, username, searchParams }: URL,
  listen: number,
  folder: string,
  connections: number,
): string {
  const host = searchParams.get('host') ?? hostname
  const tls = /require|verify/.test(searchParams.get('sslmode') ?? '') ? 'require' : 'prefer'
  return `[databases]
* = host=${host.replace(/^\[|\]$/g, '')} port=${port || 5432} auth_user=${decodeURIComponent(username)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = hba
auth_hba_file = ${folder}/hba.txt
auth_file = ${folder}/users.txt
auth_query = select usename, passwd from pg_shadow where usename = $1
server_tls_sslmode = ${tls}
pool_mode = transaction
default_pool_size = 10
min_pool_size = ${connections}
server_round_robin = 1
max_client_conn = 500
query_wait_timeout = 20
server_login_retry = 1
`
}

/** Opens the connections of the server that take turns from now on. */
async function warm(url: string, connections: number, state: { said: string; ended: boolean }): Promise<void> {
  for (const until = performance.now() + 15_000; ; await sleep(50)) {
    const clients = Array.from({ length: connections }, () => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
      client.on('error', () => {})
      return client
    })
    try {
      await Promise.all(clients.map((client) => client.connect()))
      await Promise.all(clients.map((client) => client.query('begin')))
      await Promise.all(clients.map((client) => client.query('commit')))
      return
    } catch (error) {
      if (state.ended || performance.now() > until) throw error
    } finally {
      await Promise.all(clients.map((client) => client.end().catch(() => {})))
    }
  }
}

/** In PgBouncer's files a quote is written twice. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

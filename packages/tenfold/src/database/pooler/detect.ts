/** Recognises what is at DATABASE_URL by how it behaves: a pooler does not say that it is one.
 *
 *    a start-up parameter is refused, or has no effect        -> a pooler
 *    begin is refused                                         -> statement mode
 *    two clients that are connected at once get one session   -> transaction mode
 *    they never do                                            -> session mode
 *
 *  PgBouncer tells its version, and to its administrators its mode, in a database of its own. */
import pg from 'pg'
import { DatabaseUnreachable } from '../errors.ts'
import { clientConfig, reasonOf } from '../connections.ts'

export type PoolerMode = 'session' | 'transaction' | 'statement'

export interface PoolerFacts {
  /** Undefined when statements go straight to Postgres. */
  mode: PoolerMode | undefined
  /** Of PgBouncer, where it tells. */
  version?: string
}

const TIMEOUT_MS = 5000
const TRIES = 8
/** An odd value, so that nobody else has set it. */
const PROBE_TIMEOUT = 54_321

/** Throws TF_DATABASE_UNREACHABLE.
 *  @example await detectPooler('postgres://app:…@127.0.0.1:6432/shop')      // -> { mode: 'transaction', version: '1.18.0' } */
export async function detectPooler(url: string): Promise<PoolerFacts> {
  if (!(await isPooled(url))) return { mode: undefined }
  const told = await askPgBouncer(url)
  return { mode: told?.mode ?? (await modeOf(url)), ...(told && { version: told.version }) }
}

async function isPooled(url: string): Promise<boolean> {
  // Without the parameter first: whoever cannot be reached at all is no pooler.
  await using _ = await connected(url)
  try {
    await using client = await connected(url, { statement_timeout: PROBE_TIMEOUT })
    const { rows } = await client.query<{ ms: string }>(
      `select setting as ms from pg_settings where name = 'statement_timeout'`,
    )
    return rows[0]?.ms !== String(PROBE_TIMEOUT)
  } catch (error) {
    return /startup parameter/.test(reasonOf((error as Error).cause ?? error))
  }
}

async function modeOf(url: string): Promise<PoolerMode> {
  await using one = await connected(url)
  await using other = await connected(url)
  try {
    await one.query('begin')
    await one.query('rollback')
  } catch {
    return 'statement'
  }
  for (let n = 0; n < TRIES; n++) {
    if ((await sessionOf(one)) === (await sessionOf(other))) return 'transaction'
    if (n > TRIES / 2) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return 'session'
}

async function sessionOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

/** Only those whom it lists as `admin_users` or `stats_users` are told. */
async function askPgBouncer(url: string): Promise<{ version: string; mode?: PoolerMode } | undefined> {
  const console = new URL(url)
  console.pathname = '/pgbouncer'
  try {
    await using client = await connected(console.href)
    const version = (await client.query<{ version: string }>('show version')).rows[0]!.version.replace(/^\D+/, '')
    try {
      const { rows } = await client.query<{ key: string; value: string }>('show config')
      return { version, mode: rows.find(({ key }) => key === 'pool_mode')!.value as PoolerMode }
    } catch {
      return { version }
    }
  } catch {
    return undefined
  }
}

type Disposable = pg.Client & AsyncDisposable

async function connected(url: string, more: pg.ClientConfig = {}): Promise<Disposable> {
  const config = clientConfig(url, undefined, 'tenfold/check')
  const client = new pg.Client({
    ...config,
    ...more,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  })
  client.on('error', () => {}) // the statement that was running reports it
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw DatabaseUnreachable({ host: `${config.host}:${config.port}`, reason: reasonOf(error) }, { cause: error })
  }
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) })
}

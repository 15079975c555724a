/** What the server tells of itself. Counters are stored as they are, so that any two samples can be subtracted, whoever took
 *  them; states are looked at again and again while a slot lasts. */
import { queryStatements, type Sql } from '../../database/index.ts'
import { outlineOf, seenText, withoutValues } from './texts.ts'

export interface ServerSample {
  version: string
  maxConnections: number
  connections: number
  own: number
  sizeBytes: number
  /** Whether sessions and statements of other roles can be seen. */
  sees: { sessions: boolean; statements: boolean }
  resetAt: number
  /** By role: [calls, ms]. */
  spent: Record<string, [calls: number, ms: number]>
  /** [role, id, calls, ms, rows, blocks]: cumulative, the costliest first. */
  statements: [role: string, id: string, calls: number, ms: number, rows: number, blocks: number][]
  counters: Record<'sessions' | 'deadlocks' | 'tempBytes' | 'read' | 'hit', number> & {
    commits?: number
    walBytes?: number
  }
  /** [name, rows, dead, bytes, scans, rowsScanned, writes, inserts, deletes]. */
  tables: [
    name: string,
    rows: number,
    dead: number,
    bytes: number,
    scans: number,
    rowsScanned: number,
    writes: number,
    inserts?: number,
    deletes?: number,
  ][]
  replicas: { name: string; lagMs: number; behindBytes?: number }[]
  activity: ActivitySums
}

export interface ActivitySums {
  samples: number
  cpu: number
  io: number
  lock: number
  latch: number
  commit: number
  idleInTransaction: number
  longestTransactionMs: number
  /** Of the shortest question, there and back; absent until one was asked. */
  roundTripMs?: number
  /** By what they did: how often sessions of others were seen working. */
  others?: Record<string, number>
  blockers: Record<string, { waiting: number; waitingQuery: string; holderQuery: string; holderState: string }>
}

export function noActivity(): ActivitySums {
  const none = { samples: 0, cpu: 0, io: 0, lock: 0, latch: 0, commit: 0, idleInTransaction: 0 }
  return { ...none, longestTransactionMs: 0, others: {}, blockers: {} }
}

/** One look at who does what; costs about a millisecond of the server. */
export async function lookAtSessions(sql: Sql, app: string, sums: ActivitySums): Promise<void> {
  const asked = performance.now()
  await sql.query('select 1')
  sums.roundTripMs = Math.min(sums.roundTripMs ?? Infinity, performance.now() - asked)
  const { rows } = await sql.query<{ kind: string; n: number; longest: number }>(
    `select case when state = 'idle in transaction' then 'idle'
                 when state <> 'active' then 'other'
                 when wait_event_type is null then 'cpu'
                 when wait_event_type = 'IO' and wait_event like 'WAL%' then 'commit'
                 when wait_event_type = 'IO' then 'io'
                 when wait_event_type = 'Lock' then 'lock'
                 when wait_event_type = 'LWLock' and wait_event like 'WAL%' then 'commit'
                 when wait_event_type = 'LWLock' then 'latch'
                 else 'other' end as kind,
            count(*)::int as n,
            coalesce(max(extract(epoch from clock_timestamp() - xact_start)) * 1000, 0)::float8 as longest
       from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
        and coalesce(application_name, '') not like '%/evidence'
      group by 1`,
  )
  sums.samples++
  const of = (kind: string): number => rows.find((row) => row.kind === kind)?.n ?? 0
  sums.cpu += of('cpu')
  sums.io += of('io')
  sums.lock += of('lock')
  sums.latch += of('latch')
  sums.commit += of('commit')
  sums.idleInTransaction += of('idle')
  sums.longestTransactionMs = Math.max(sums.longestTransactionMs, ...rows.map(({ longest }) => longest))
  if (of('lock') > 0) await lookAtBlockers(sql, sums)
  await lookAtOthers(sql, app, sums)
}

/** Those that are none of ours, whichever database of the server they are in: they share its processors and its disk. */
async function lookAtOthers(sql: Sql, app: string, { others = {} }: ActivitySums): Promise<void> {
  const { rows } = await sql.query<{ n: number; query: string; elsewhere: boolean }>(
    // Backups of this app are not somebody else, though they have a name of their own.
    `select count(*)::int as n, query, datname is distinct from current_database() as elsewhere
       from pg_stat_activity
      where state = 'active' and (wait_event_type is null or wait_event_type = 'IO') and backend_type in ('client backend', 'parallel worker')
        and pid <> pg_backend_pid() and coalesce(application_name, '') not like $1 || '/%'
        and coalesce(application_name, '') not like 'tenfold/%'
      group by 2, 3 order by 1 desc limit 5`,
    [likeExactly(app)],
  )
  for (const { n, query, elsewhere } of rows) {
    const key = elsewhere ? outlineOf(query) : seenText(query)
    if (key in others || Object.keys(others).length < 20) others[key] = (others[key] ?? 0) + n
  }
}

/** In a pattern of `like`, this text and nothing else. */
function likeExactly(text: string): string {
  return text.replaceAll(/[%_\\]/g, '\\$&')
}

async function lookAtBlockers(sql: Sql, { blockers }: ActivitySums): Promise<void> {
  const { rows } = await sql.query<{ n: number; waiting: string; holder: string; state: string }>(
    `select count(*)::int as n, w.query as waiting, coalesce(b.query, '') as holder, 
            case when b.wait_event like 'WAL%' or b.query ~* '^\\s*commit' then 'committing'
                 else coalesce(b.state, 'unknown') end as state
       from pg_stat_activity w cross join lateral unnest(pg_blocking_pids(w.pid)) as u (pid)
       left join pg_stat_activity b on b.pid = u.pid
      where w.wait_event_type = 'Lock' and w.datname = current_database()
        -- Who stands in the same line further ahead is no cause.
        and b.wait_event_type is distinct from 'Lock'
      group by 2, 3, 4 order by 1 desc limit 5`,
  )
  for (const { n, waiting, holder, state } of rows) {
    const [waitingQuery, holderQuery] = [seenText(waiting), seenText(holder)]
    const key = `${waitingQuery}\n${holderQuery}\n${state}`
    if (!(key in blockers) && Object.keys(blockers).length >= 20) continue
    const known = (blockers[key] ??= { waiting: 0, waitingQuery, holderQuery, holderState: state })
    known.waiting += n
  }
}

export async function readServer(sql: Sql, app: string, activity: ActivitySums): Promise<ServerSample> {
  const facts = await readFacts(sql, app)
  const statements = await readStatements(sql, app)
  const { rows: tables } = await sql.query<{ row: ServerSample['tables'][number] }>(
    `select json_build_array(schemaname || '.' || relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid), seq_scan,
              seq_tup_read, n_tup_ins + n_tup_upd + n_tup_del, n_tup_ins, n_tup_del) as row
       from pg_stat_user_tables where schemaname <> 'tenfold'
      order by pg_total_relation_size(relid) desc limit 40`,
  )
  const { rows: replicas } = await sql.query<{ name: string; lagMs: number }>(
    `select coalesce(nullif(application_name, ''), 'replica') as name,
            coalesce(extract(epoch from replay_lag) * 1000, 0)::float8 as "lagMs",
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::float8 as "behindBytes"
       from pg_stat_replication where not pg_is_in_recovery()`,
  )
  const spent: ServerSample['spent'] = {}
  for (const [role, , calls, ms] of statements) {
    const known = (spent[role] ??= [0, 0])
    known[0] += calls
    known[1] += ms
  }
  return { ...facts, statements, spent, tables: tables.map(({ row }) => row), replicas, activity }
}

type Facts = Omit<ServerSample, 'statements' | 'spent' | 'tables' | 'replicas' | 'activity'>

async function readFacts(sql: Sql, app: string): Promise<Facts> {
  const { rows } = await sql.query<
    Omit<Facts, 'counters' | 'sees'> & Required<Facts['counters']> & { sessionsSeen: boolean; statementsSeen: boolean }
  >(
    `select current_setting('server_version') as version, current_setting('max_connections')::int as "maxConnections",
            (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
            (select count(*)::int from pg_stat_activity where application_name like $1 || '/%') as own,
            pg_database_size(current_database())::float8 as "sizeBytes",
            coalesce(extract(epoch from stats_reset) * 1000, 0)::float8 as "resetAt",
            sessions::float8, deadlocks::float8, temp_bytes::float8 as "tempBytes", blks_read::float8 as read,
            blks_hit::float8 as hit, (xact_commit + xact_rollback)::float8 as commits,
            (select wal_bytes::float8 from pg_stat_wal) as "walBytes",
            pg_has_role(current_user, 'pg_read_all_stats', 'usage') as "sessionsSeen",
            exists (select from pg_extension where extname = 'pg_stat_statements') as "statementsSeen"
       from pg_stat_database where datname = current_database()`,
    [likeExactly(app)],
  )
  const { sessions, deadlocks, tempBytes, read, hit, commits, walBytes, sessionsSeen, statementsSeen, ...rest } =
    rows[0]!
  return {
    ...rest,
    sees: { sessions: sessionsSeen, statements: statementsSeen },
    counters: { sessions, deadlocks, tempBytes, read, hit, commits, walBytes },
  }
}

async function readStatements(sql: Sql, app: string): Promise<ServerSample['statements']> {
  const rows = await queryStatements<{ row: ServerSample['statements'][number] }>(
    sql,
    // Without a role of its own for each module, all statements are of the same one, the platform's as well.
    (view) => `select json_build_array(r.rolname, coalesce(s.queryid::text, ''), s.calls, s.total_exec_time, s.rows,
              s.shared_blks_hit + s.shared_blks_read) as row
       from ${view} s join pg_roles r on r.oid = s.userid
      where s.dbid = (select oid from pg_database where datname = current_database())
        and (r.rolname like $1 || '\\_%' or r.rolname = current_user)
      order by s.total_exec_time desc limit 300`,
    [likeExactly(app)],
  )
  return (rows ?? []).map(({ row }) => row)
}

/** The texts of statements, by their ids. */
export async function readTexts(sql: Sql, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await queryStatements<{ id: string; text: string }>(
    sql,
    (view) => `select queryid::text as id, min(query) as text from ${view}
      where queryid = any($1::bigint[]) and query ~* '^\\s*(with|select|insert|update|delete|merge)\\M'
      group by 1`,
    [ids.filter((id) => id !== '')],
  )
  return new Map((rows ?? []).map(({ id, text }) => [id, withoutValues(text)]))
}

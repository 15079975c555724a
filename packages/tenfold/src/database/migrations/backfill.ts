/** Backfills: one statement, run over and over on the next rows of its table by primary key.
 *
 *    next key ──> begin; the statement on the rows up to it; note the key; commit ──> pause ──> next key
 *
 *  B1  Each batch commits with the note of how far it came: whatever is killed goes on from there, and no row is done twice.
 *  B2  A batch grows and shrinks so that it takes about a tenth of a second, which is the longest that it keeps rows locked.
 *  B3  It rests for as long as it worked, and for longer while somebody waits for a lock or a replica is behind.
 *  B4  Rows that are added behind its back are left to the code that adds them. */
import { quoteName } from '../roles.ts'
import type { Sql } from '../sql.ts'
import type { MigrationFile } from './files.ts'

export interface BackfillProgress {
  module: string
  name: string
  /** Rows that were changed, over all attempts. */
  changed: number
  /** Rows of the table that were gone through. */
  seen: number
  /** Of the rows that the table has, about: 0 to 1. Undefined before the table was first analysed. */
  share: number | undefined
}

export const BACKFILL_TABLE = `create table if not exists tenfold.backfill (
  module text not null, name text not null, last_key text[], seen bigint not null default 0,
  changed bigint not null default 0, updated_at timestamptz not null default now(), primary key (module, name))`

/** Stands in the statement for the rows of one batch. */
export const BATCH = /(?<!:):batch\b/g

const TARGET_MS = 100
const MAX_BATCH = 50_000
const MAX_PAUSE_MS = 5000
/** Lock not available, deadlock, serialization failure: the next try may well succeed. */
const PASSING = new Set(['55P03', '40P01', '40001'])

interface Key {
  columns: { name: string; type: string }[]
  rows: number
}

interface Progress {
  last_key: string[] | null
  seen: string
  changed: string
}

/** @param inSchema the statement that says, within a transaction, in which schema it works */
export async function backfill(
  admin: Sql,
  owner: Sql,
  file: MigrationFile,
  inSchema: string,
  onBatch: (batch: BackfillProgress) => void = () => {},
): Promise<void> {
  const { table, batch } = file.backfill!
  const { module, name } = file
  const key = await keyOf(admin, file.schema, table)
  await admin.query('insert into tenfold.backfill (module, name) values ($1, $2) on conflict do nothing', [
    module,
    name,
  ])
  const { rows } = await admin.query<Progress>(
    'select last_key, seen, changed from tenfold.backfill where module = $1 and name = $2',
    [module, name],
  )
  let last = rows[0]!.last_key
  let seen = Number(rows[0]!.seen)
  let changed = Number(rows[0]!.changed)
  let size = batch
  let failures = 0
  let rest = 0
  for (;;) {
    const next = await nextKey(owner, inSchema, table, key, last, size)
    if (!next) return
    const started = performance.now()
    try {
      changed += await runBatch(owner, file, inSchema, key, { last, next, seen: next.rows })
      failures = 0
    } catch (error) {
      await owner.query('rollback')
      if (!PASSING.has((error as { code?: string }).code ?? '') || ++failures > 100) throw error
      size = Math.max(1, Math.floor(size / 2))
      await pause((0.5 + Math.random()) * Math.min(MAX_PAUSE_MS, 50 * failures))
      continue
    }
    const took = performance.now() - started
    last = next.key
    seen += next.rows
    onBatch({ module, name, changed, seen, share: key.rows > 0 ? Math.min(1, seen / key.rows) : undefined })
    size = Math.round(Math.min(MAX_BATCH, Math.max(1, size * Math.min(2, Math.max(0.5, TARGET_MS / took)))))
    rest = (await isPressed(admin)) ? Math.min(MAX_PAUSE_MS, Math.max(100, rest * 2)) : Math.min(1000, took)
    await pause(rest)
  }
}

async function keyOf(admin: Sql, schema: string, table: string): Promise<Key> {
  const { rows } = await admin.query<{ name: string; type: string; rows: number }>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, c.reltuples::float8 as rows
       from pg_class c
       join pg_index i on i.indrelid = c.oid and i.indisprimary
       join unnest(i.indkey) with ordinality as k (attnum, place) on true
       join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where c.relnamespace = to_regnamespace($1) and c.relname = $2
      order by k.place`,
    [quoteName(schema), table],
  )
  if (rows.length === 0) throw new Error(`table ${schema}.${table} is not there, or has no primary key to go by`)
  return { columns: rows, rows: rows[0]!.rows }
}

interface Next {
  key: string[]
  rows: number
}

/** The key of the `size`th row after `last`, or of the last one. */
async function nextKey(
  owner: Sql,
  inSchema: string,
  table: string,
  { columns }: Key,
  last: string[] | null,
  size: number,
): Promise<Next | undefined> {
  const names = columns.map(({ name }) => quoteName(name)).join(', ')
  const texts = columns.map(({ name }) => `${quoteName(name)}::text`).join(', ')
  const backwards = columns.map(({ name }) => `${quoteName(name)} desc`).join(', ')
  const after = last ? `where (${names}) > (${literals(columns, last)})` : ''
  await owner.query(`begin; ${inSchema}`)
  try {
    const { rows } = await owner.query<{ key: string[]; rows: number }>(
      `with page as (select ${names} from ${quoteName(table)} ${after} order by ${names} limit ${size})
       select array[${texts}] as key, (select count(*)::int from page) as rows from page order by ${backwards} limit 1`,
    )
    return rows[0]
  } finally {
    await owner.query('commit')
  }
}

async function runBatch(
  owner: Sql,
  file: MigrationFile,
  inSchema: string,
  { columns }: Key,
  range: { last: string[] | null; next: Next; seen: number },
): Promise<number> {
  const table = quoteName(file.backfill!.table)
  const names = columns.map(({ name }) => `${table}.${quoteName(name)}`).join(', ')
  const upTo = `(${names}) <= (${literals(columns, range.next.key)})`
  const within = range.last ? `((${names}) > (${literals(columns, range.last)}) and ${upTo})` : `(${upTo})`
  await owner.query(`begin; ${inSchema}; set local lock_timeout = '${TARGET_MS}ms'`)
  const { rowCount } = await owner.query(file.sql.replaceAll(BATCH, () => within))
  const { module, name } = file
  await owner.query('select tenfold.record_batch($1, $2, $3, $4, $5)', [
    module,
    name,
    range.next.key,
    range.seen,
    rowCount,
  ])
  await owner.query('commit')
  return rowCount
}

/** Whether somebody waits for a lock, or a replica is more than a second behind. */
async function isPressed(admin: Sql): Promise<boolean> {
  const { rows } = await admin.query<{ pressed: boolean }>(
    `select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
         or exists (select from pg_stat_replication where replay_lag > interval '1 second') as pressed`,
  )
  return rows[0]!.pressed
}

function literals(columns: Key['columns'], key: readonly string[]): string {
  return columns.map(({ type }, i) => `'${key[i]!.replaceAll("'", "''")}'::${type}`).join(', ')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What a database has: rows and a checksum for each table, the value of each sequence. */
import pg from 'pg'
import type { SequenceCheck, TableCheck } from './backup.ts'

export type Counted = Omit<TableCheck, 'exact'>

export interface Contents {
  tables: Counted[]
  sequences: SequenceCheck[]
}

/** Reads every table once, in one snapshot.
 *  The checksum is a sum over the rows' hashes: it needs no order, and the server computes it.
 *  @param within runs while the snapshot is held, with its name */
export async function readContents(
  url: string,
  options: { checksums?: boolean; within?: (snapshot: string) => Promise<void>; onTable?: (name: string) => void } = {},
): Promise<Contents> {
  return withClient(url, async (client) => {
    await client.query('begin isolation level repeatable read read only')
    // A row's text must be the same wherever it is read.
    await client.query(`set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local intervalstyle = 'postgres';
      set local extra_float_digits = 1; set local bytea_output = 'hex'; set local xmloption = 'content';
      set local lc_monetary = 'C'; set local search_path = pg_catalog; set local statement_timeout = 0; set local row_security = off`)
    const { rows } = await client.query<{ name: string }>(TABLES)
    const tables: Counted[] = []
    for (const { name } of rows) {
      options.onTable?.(name)
      tables.push({ name, ...(await countOf(client, name, options.checksums ?? true)) })
    }
    const sequences = (await client.query<SequenceCheck>(SEQUENCES)).rows
    if (options.within) {
      const shared = await client.query<{ name: string }>('select pg_export_snapshot() as name')
      await options.within(shared.rows[0]!.name)
    }
    await client.query('commit')
    return { tables, sequences }
  })
}

/** Ordinary tables (partitions one by one) and materialized views. What Postgres empties after a crash does not count. */
const TABLES = `select format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and c.relpersistence = 'p' and (c.relkind = 'r' or c.relispopulated)
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
  order by 1`

const SEQUENCES = `select format('%I.%I', schemaname, sequencename) as name, coalesce(last_value, 0)::text as value
  from pg_sequences order by 1`

async function countOf(
  client: pg.Client,
  name: string,
  checksums: boolean,
): Promise<{ rows: number; checksum: string }> {
  const sum = checksums ? `coalesce(sum(hashtextextended(t::text, 0)), 0)::text` : `''`
  // Whole rows as text: every column, of whatever type, in the order of the table.
  const { rows } = await client.query<{ rows: string; checksum: string }>(
    `select count(*)::text as rows, ${sum} as checksum from only ${name} as t`,
  )
  return { rows: Number(rows[0]!.rows), checksum: rows[0]!.checksum }
}

/** Tables with the same content before and after can be compared with a backup that was made in between. */
export function unchanged(before: readonly Counted[], after: readonly Counted[]): TableCheck[] {
  const earlier = new Map(before.map((table) => [table.name, table]))
  return after.map((table) => {
    const other = earlier.get(table.name)
    return { ...table, exact: other?.rows === table.rows && other.checksum === table.checksum }
  })
}

/** One sentence for each thing that is not as the backup says. */
export function compare(
  wanted: { tables: readonly TableCheck[]; sequences: readonly SequenceCheck[] },
  found: Contents,
  sequencesMayBeAhead: boolean,
): string[] {
  const problems: string[] = []
  const there = new Map(found.tables.map((table) => [table.name, table]))
  for (const { name, rows, checksum, exact } of wanted.tables) {
    const table = there.get(name)
    if (!table && exact) problems.push(`table ${name} is missing`)
    else if (table && exact && table.rows !== rows)
      problems.push(`table ${name} has ${table.rows} rows instead of ${rows}`)
    else if (table && exact && table.checksum !== checksum)
      problems.push(`table ${name} has ${rows} rows, but not the same ones`)
  }
  const known = new Set(wanted.tables.map(({ name }) => name))
  const settled = wanted.tables.every(({ exact }) => exact)
  for (const { name } of found.tables)
    if (settled && !known.has(name)) problems.push(`table ${name} should not be there`)
  const values = new Map(found.sequences.map(({ name, value }) => [name, BigInt(value)]))
  for (const { name, value } of wanted.sequences) {
    const at = values.get(name)
    const behind = at === undefined || (sequencesMayBeAhead ? at < BigInt(value) : at !== BigInt(value))
    if (behind) problems.push(`sequence ${name} stands at ${at ?? 'nothing'} instead of ${value}`)
  }
  return problems
}

export async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'tenfold/backup',
    connectionTimeoutMillis: 10_000,
  })
  client.on('error', () => {}) // the statement that was running reports it
  await client.connect()
  try {
    return await fn(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** The roles that own something in the database, or have a right on it. */
export async function rolesIn(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select distinct r.rolname as name from pg_shdepend d join pg_roles r on r.oid = d.refobjid
        where d.refclassid = 'pg_authid'::regclass and d.dbid = (select oid from pg_database where datname = current_database())
        order by 1`,
    )
    return rows.map(({ name }) => name)
  })
}

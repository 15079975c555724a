/** The target's tables without their rows: a scratch database whose planner believes that it has them. */
import { existsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { quoteName } from '../roles.ts'
import type { Scratch } from '../safety/scratch.ts'
import { bodyOf, type Candidate } from './candidates.ts'
import { restoreStatistics, type IndexFacts, type TableStatistics } from './statistics.ts'

const PAGE = 8192
/** Postgres keeps a table in files of one gigabyte. */
const SEGMENT = 131_072

export interface Trial extends Candidate {
  schema: string
  /** Of the index in the scratch database. */
  oid: number
  pages: number
}

export interface Clone {
  client: pg.Client
  trials: Trial[]
}

/** Gives the scratch database the target's indexes, the candidates as well, and everybody's statistics. */
export async function dressUp(
  client: pg.Client,
  scratch: Scratch,
  real: { tables: readonly TableStatistics[]; indexes: readonly IndexFacts[] },
  candidates: readonly (Candidate & { schema: string })[],
): Promise<Trial[]> {
  const { tables, indexes } = await madeHereToo(client, real)
  await alignIndexes(client, indexes)
  for (const table of tables) await restoreStatistics(client, table)
  for (const { schema, table, pages } of tables) await stretch(client, scratch, schema, table, pages)
  const shares = await sharesOf(client, candidates)
  for (const { schema, table } of tables) await stretch(client, scratch, schema, table, 0)
  const trials: Trial[] = []
  for (const [i, candidate] of candidates.entries()) {
    const name = `trial_${i}`
    // What cannot be indexed (a function that is not immutable, a type without an operator class) is no candidate.
    const made = await client
      .query(`create index ${name} ${bodyOf(candidate, candidate.schema)}`)
      .catch(() => undefined)
    if (!made) continue
    const { rows } = await client.query<{ oid: number }>(`select to_regclass($1)::oid::int as oid`, [
      `${quoteName(candidate.schema)}.${name}`,
    ])
    const table = tables.find((one) => one.schema === candidate.schema && one.table === candidate.table)!
    const tuples = table.tuples * (shares.get(shareKey(candidate)) ?? 1)
    const pages = pagesOf(candidate, table, tuples)
    trials.push({ ...candidate, oid: rows[0]!.oid, pages })
    await size(client, scratch, candidate.schema, name, pages, tuples)
  }
  for (const table of tables) {
    await restoreStatistics(client, table)
    await stretch(client, scratch, table.schema, table.table, table.pages)
  }
  for (const { schema, name, pages, tuples } of indexes) await size(client, scratch, schema, name, pages, tuples)
  return trials
}

/** Without the tables and columns that no migration has made: the scratch database lacks them, and no module asks for them. */
async function madeHereToo(
  client: pg.Client,
  { tables, indexes }: { tables: readonly TableStatistics[]; indexes: readonly IndexFacts[] },
): Promise<{ tables: TableStatistics[]; indexes: IndexFacts[] }> {
  const { rows } = await client.query<{ schema: string; table: string; columns: string[] }>(
    `select n.nspname as schema, c.relname as table, array_agg(a.attname::text) as columns
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = any($1) and a.attnum > 0 and not a.attisdropped group by 1, 2`,
    [[...new Set(tables.map(({ schema }) => schema))]],
  )
  const made = new Map(rows.map(({ schema, table, columns }) => [`${schema}.${table}`, new Set(columns)]))
  return {
    tables: tables.flatMap((one) => {
      const known = made.get(`${one.schema}.${one.table}`)
      return known ? [{ ...one, columns: new Map([...one.columns].filter(([column]) => known.has(column))) }] : []
    }),
    indexes: indexes.filter(({ schema, table }) => made.has(`${schema}.${table}`)),
  }
}

/** Migrations made most of them; some were made by hand, or dropped. */
async function alignIndexes(client: pg.Client, indexes: readonly IndexFacts[]): Promise<void> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
       join pg_namespace n on n.oid = c.relnamespace join pg_class t on t.oid = i.indrelid
      where t.relkind = 'r' and n.nspname = any($1) and not exists (select from pg_constraint k where k.conindid = c.oid)
        and not exists (select from pg_inherits h where h.inhrelid = c.oid)`,
    [[...new Set(indexes.map(({ schema }) => schema))]],
  )
  const wanted = new Set(indexes.map(({ schema, name }) => `${schema}.${name}`))
  const there = new Set(rows.map(({ schema, name }) => `${schema}.${name}`))
  for (const { schema, name } of rows) {
    if (!wanted.has(`${schema}.${name}`)) await client.query(`drop index ${quoteName(schema)}.${quoteName(name)}`)
  }
  for (const { schema, name, definition, constraint, valid } of indexes) {
    if (!constraint && valid && !there.has(`${schema}.${name}`)) await client.query(definition).catch(() => {})
  }
}

/** Which part of the rows a partial index would have, as the planner sees it. */
async function sharesOf(
  client: pg.Client,
  candidates: readonly (Candidate & { schema: string })[],
): Promise<Map<string, number>> {
  const shares = new Map<string, number>()
  for (const candidate of candidates) {
    const key = shareKey(candidate)
    if (candidate.where === undefined || shares.has(key)) continue
    const table = `${quoteName(candidate.schema)}.${quoteName(candidate.table)}`
    const rowsOf = async (where: string): Promise<number> => {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        `explain (format json) select from ${table} ${where}`,
      )
      return rows[0]!['QUERY PLAN'][0].Plan['Plan Rows']
    }
    shares.set(key, (await rowsOf(`where ${candidate.where}`)) / Math.max(1, await rowsOf('')))
  }
  return shares
}

const shareKey = ({ schema, table, where }: Candidate & { schema: string }): string =>
  `${schema}.${table} ${where ?? ''}`

function pagesOf(candidate: Candidate, table: TableStatistics, tuples: number): number {
  if (candidate.method === 'gin') return Math.max(2, Math.round(table.pages / 3))
  // One entry for 128 pages, some two hundred entries to a page.
  if (candidate.method === 'brin') return 3 + Math.ceil(table.pages / 128 / 200)
  const width = [...candidate.columns, ...(candidate.include ?? [])].reduce(
    (sum, column) => sum + (table.columns.get(column.replace(/ desc$/, ''))?.width ?? 16),
    0,
  )
  return Math.max(2, Math.ceil((tuples * (width + 16)) / (PAGE * 0.9)))
}

async function size(
  client: pg.Client,
  scratch: Scratch,
  schema: string,
  name: string,
  pages: number,
  tuples: number,
): Promise<void> {
  await client.query(
    `select pg_restore_relation_stats('schemaname', $1::text, 'relname', $2::text, 'relpages', $3::integer, 'reltuples', $4::real)
      where to_regclass(format('%I.%I', $1::text, $2::text)) is not null`,
    [schema, name, pages, tuples],
  )
  await stretch(client, scratch, schema, name, pages)
}

/** The planner asks the file system how large a table is. Holes cost nothing. */
async function stretch(
  client: pg.Client,
  { files }: Scratch,
  schema: string,
  name: string,
  pages: number,
): Promise<void> {
  const { rows } = await client.query<{ path: string | null; now: string }>(
    `select pg_relation_filepath(to_regclass(format('%I.%I', $1::text, $2::text))) as path`,
    [schema, name],
  )
  const path = rows[0]?.path
  if (!path) return
  const file = join(files, path)
  for (let segment = 0; segment * SEGMENT <= pages; segment++) {
    const part = segment === 0 ? file : `${file}.${segment}`
    if (!existsSync(part)) writeFileSync(part, '')
    truncateSync(part, Math.min(SEGMENT, pages - segment * SEGMENT) * PAGE)
  }
}

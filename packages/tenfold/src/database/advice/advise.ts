import type pg from 'pg'
import type { MigrationSource } from '../migrations/files.ts'
import { migrate } from '../migrations/runner.ts'
import { loadParser } from '../safety/parse.ts'
import { inNewDatabase, openScratch, withClient, type Scratch } from '../safety/scratch.ts'
import { messageOf, TenfoldError } from '../../kernel/index.ts'
import { quoteName } from '../roles.ts'
import { EmbeddedMissing } from '../embedded/errors.ts'
import type { Advice, SuperfluousIndex, WorkloadQuery } from './advice.ts'
import { bodyOf, candidatesFor, keyOf, nameOf, type Candidate } from './candidates.ts'
import { choose } from './choose.ts'
import { dressUp } from './clone.ts'
import { readSchemas, readTables } from './copy.ts'
import { usesOf, type Catalogue, type Uses } from './predicates.ts'
import { Prices } from './price.ts'
import { readIndexes, readStatistics, type IndexFacts, type TableStatistics } from './statistics.ts'

/** Migrations that make the target's tables; those that it lacks are named by `isApplied`. */
export interface OfMigrations {
  sources: readonly MigrationSource[]
  isApplied(file: { module: string; name: string }): boolean
}

export interface AdviseOptions {
  /** The target: is read, and nothing else. */
  url: string
  app: string
  /** `copied`: they are not ours, so that what the catalogue says of them is made anew. */
  tables: OfMigrations | 'copied'
  workload: readonly WorkloadQuery[]
  /** Defaults to an embedded server that is started, and stopped again. */
  scratch?: Scratch
}

/** Finds the indexes that the workload lacks, and those that nobody needs.
 *  @example
 *  const { create } = await adviseIndexes({ url, app: 'shop', tables: 'copied', workload })
 *  create[0]!.sql     // -> create index concurrently orders_customer_id_placed_at on orders (customer_id, placed_at) */
export async function adviseIndexes(options: AdviseOptions): Promise<Advice> {
  const { app } = options
  const target = await withClient(options.url, (client) => readTarget(client, options.tables))
  const parsed = await parseWorkload(options.workload, target.tables)
  const candidates = candidatesOf(parsed.all, target)
  const scratch = options.scratch ?? (await openScratch())
  if (!scratch) throw EmbeddedMissing({ platform: process.platform, reason: 'it is not installed' })
  try {
    return await inNewDatabase(
      scratch,
      { key: `advice ${app} ${target.schemas.join(' ')}`, prepare: (url) => prepare(url, target, options) },
      (url) =>
        withClient(url, async (client) => {
          await client.query(target.settings)
          const trials = await dressUp(client, scratch, target, candidates)
          const prices = new Prices(client, trials)
          await prices.prepare(parsed.all, target.tables)
          const chosen = await choose(prices, trials)
          return {
            create: chosen.map(({ trial, helps }) => ({
              table: `${trial.schema}.${trial.table}`,
              sql: `create index concurrently ${nameOf(trial)} ${bodyOf(trial)};`,
              size: trial.pages * 8192,
              writes: target.tables.find(({ schema, table }) => schema === trial.schema && table === trial.table)!
                .writes,
              helps: helps.map(({ query, before, after }) => ({
                text: query.query.text,
                calls: query.query.calls,
                costBefore: before,
                costAfter: after,
              })),
            })),
            drop: superfluous(target.indexes, prices.used),
            unplanned: [...parsed.unplanned, ...prices.unplanned],
            queries: prices.queries.length,
            candidates: trials.length,
          }
        }),
    )
  } finally {
    if (!options.scratch) await scratch.stop()
  }
}

/** Makes the target's tables, empty. */
async function prepare(url: string, { copies }: Target, { app, tables }: AdviseOptions): Promise<void> {
  if (tables !== 'copied') {
    const { sources, isApplied } = tables
    await migrate({ url, app, sources, secretKey: 'a scratch server keeps no secrets', isIncluded: isApplied })
    return
  }
  await withClient(url, async (client) => {
    // One that cannot be made, of a kind that this server does not know, leaves the others as they are.
    for (const statement of copies) await client.query(statement).catch(() => {})
  })
}

interface Target {
  schemas: string[]
  /** Statements that make its tables, where no migrations do. */
  copies: string[]
  tables: TableStatistics[]
  indexes: IndexFacts[]
  /** What makes its planner choose as it does. */
  settings: string
}

const PLANNER = [
  'random_page_cost',
  'seq_page_cost',
  'effective_cache_size',
  'work_mem',
  'cpu_tuple_cost',
  'cpu_index_tuple_cost',
  'cpu_operator_cost',
  'max_parallel_workers_per_gather',
]

async function readTarget(client: pg.Client, of: AdviseOptions['tables']): Promise<Target> {
  await client.query('begin transaction isolation level repeatable read read only')
  const { rows } = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from pg_settings where name = any($1)',
    [PLANNER],
  )
  const schemas =
    of === 'copied'
      ? await readSchemas(client)
      : [...new Set(of.sources.map(({ schema }) => schema))].filter((schema) => schema !== 'tenfold')
  const target = {
    schemas,
    copies: of === 'copied' ? await readTables(client, schemas) : [],
    tables: await readStatistics(client, schemas),
    indexes: await readIndexes(client, schemas),
    settings: rows.map(({ name, value }) => `set ${name} = '${value}'`).join('; '),
  }
  await client.query('commit')
  return target
}

interface Parsed {
  all: { query: WorkloadQuery; uses: Uses }[]
  unplanned: Advice['unplanned']
}

async function parseWorkload(workload: readonly WorkloadQuery[], tables: readonly TableStatistics[]): Promise<Parsed> {
  const parse = await loadParser()
  const parsed: Parsed = { all: [], unplanned: [] }
  for (const query of workload) {
    const own = tables.filter(({ schema }) => schema === query.module)
    const catalogue: Catalogue = {
      has: (table, column) =>
        own.some((one) => one.table === table && (column === undefined || one.columns.has(column))),
    }
    try {
      const [node, ...more] = parse(query.text)
      if (!node || more.length > 0) continue
      const uses = usesOf(node, catalogue)
      // What reads no table of its module needs no index.
      if (uses.tables.length > 0) parsed.all.push({ query, uses })
    } catch (error) {
      if (error instanceof TenfoldError) throw error
      parsed.unplanned.push({ text: query.text, reason: messageOf(error) })
    }
  }
  return parsed
}

/** Each once, and none that an existing index is already. */
function candidatesOf(all: Parsed['all'], { indexes, tables }: Target): (Candidate & { schema: string })[] {
  const found = new Map<string, Candidate & { schema: string }>()
  for (const { query, uses } of all) {
    for (const candidate of uses.tables.flatMap(candidatesFor)) {
      found.set(`${query.module} ${keyOf(candidate)}`, { ...candidate, schema: query.module })
    }
  }
  const bodies = new Set(
    indexes.map(({ definition }) =>
      definition
        .replace(/^.* USING /, '')
        .replace(/ WITH \(.*\)$/, '')
        .toLowerCase(),
    ),
  )
  return [...found.values()].filter(({ schema, table, method, columns, include, where }) => {
    if (method === 'brin' && !liesInOrder(tables, schema, table, columns[0]!)) return false
    const more = include ? ` include (${include.join(', ')})` : ''
    return where !== undefined || !bodies.has(`${method} (${columns.join(', ')})${more}`)
  })
}

/** BRIN tells ranges of pages apart by their least and greatest value: that helps in large tables whose rows lie in the order
 *  of the column, as they do where rows are only ever appended. */
function liesInOrder(tables: readonly TableStatistics[], schema: string, table: string, column: string): boolean {
  const known = tables.find((one) => one.schema === schema && one.table === table)
  const correlation = Number(known?.columns.get(column.replaceAll('"', ''))?.restore.correlation ?? 0)
  return known !== undefined && known.pages >= BRIN_PAGES && Math.abs(correlation) > 0.98
}

const BRIN_PAGES = 2048

/** Invalid ones, those that another one serves as well, those that nobody has read since the statistics began; and those
 *  whose files are mostly empty. */
function superfluous(indexes: readonly IndexFacts[], used: ReadonlySet<string>): SuperfluousIndex[] {
  const found: SuperfluousIndex[] = []
  const gone = new Set<IndexFacts>()
  for (const index of indexes) {
    const { schema, table, name, size } = index
    const drop = {
      index: name,
      table: `${schema}.${table}`,
      size,
      sql: `drop index concurrently ${quoteName(schema)}.${quoteName(name)};`,
    }
    const needs = bytesNeededBy(index)
    const isBloated = needs !== undefined && size > BLOATED * needs && size - needs > WORTH_BYTES
    const before = found.length
    if (!index.valid) found.push({ ...drop, why: 'invalid' })
    else if (!index.constraint && !index.unique) {
      const twin = indexes.find((other) => other !== index && !gone.has(other) && other.valid && serves(other, index))
      if (twin) {
        gone.add(index)
        found.push({ ...drop, why: 'duplicate', of: twin.name })
      } else if (index.scans === 0 && !used.has(name) && size >= READ_WHOLE_BYTES)
        found.push({ ...drop, why: 'unused' })
    }
    const rebuild = `reindex index concurrently ${quoteName(schema)}.${quoteName(name)};`
    if (isBloated && found.length === before) found.push({ ...drop, why: 'bloated', needs, sql: rebuild })
  }
  return found
}

/** Smaller ones cost little, and that nobody reads them says nothing: the planner reads the tables of so few rows whole. */
const READ_WHOLE_BYTES = 2 ** 20
/** A B-tree that grows by inserts in no order fills its pages to two thirds; this is far beyond. */
const BLOATED = 2.5
const WORTH_BYTES = 4 * 2 ** 20

/** What a B-tree of so many entries takes when it is new, at nine tenths full. Each entry has a header of 8 bytes, a pointer of
 *  4, and its columns, in steps of 8; equal ones are stored once, so that it may well take less.
 *    https://www.postgresql.org/docs/18/storage-page-layout.html */
function bytesNeededBy({ method, width, tuples }: IndexFacts): number | undefined {
  if (method !== 'btree' || width === null) return undefined
  const entry = 8 + 4 + Math.ceil(width / 8) * 8
  return Math.max(2, Math.ceil((tuples * entry) / (8192 * 0.9))) * 8192
}

/** Whether `one` begins with all columns of `other`, in the same way. */
function serves(one: IndexFacts, other: IndexFacts): boolean {
  const alike = (['schema', 'table', 'method', 'expressions', 'predicate'] as const).every((k) => one[k] === other[k])
  const isPlain = other.method === 'btree' && other.expressions === ''
  if (other.included !== '' && other.included !== one.included) return false
  return alike && (isPlain ? one.key.startsWith(other.key) : one.key === other.key)
}

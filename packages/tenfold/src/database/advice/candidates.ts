import { quoteName } from '../roles.ts'
import type { TableUse } from './predicates.ts'

export interface Candidate {
  table: string
  method: 'btree' | 'gin' | 'brin'
  columns: readonly string[]
  /** Carried along, so that queries that read nothing else need not look into the table. */
  include?: readonly string[]
  where?: string
}

const MOST_COLUMNS = 4
const MOST_INCLUDED = 3

/** The indexes that could serve one use of a table. The planner says which do. */
export function candidatesFor(use: TableUse): Candidate[] {
  const { table } = use
  const equal = [...use.equal]
  const values = equal.filter((column) => !use.joined.has(column))
  const order = directed(use)
  const keys = [
    equal,
    values,
    ...equal.map((column) => [column]),
    ...[...use.range].flatMap((column) => [[...values, column], [...equal, column], [column]]),
    ...(order.length > 0 ? [[...values, ...order], [...equal, ...order], ...(use.limited ? [order] : [])] : []),
  ]
  const full = keys.map((columns): Candidate => ({ table, method: 'btree', columns: unique(columns) }))
  const partial = [...use.fixed].flatMap(([fixed, where]) =>
    [...keys, [fixed]].map((columns): Candidate => {
      const rest = unique(columns).filter((column) => bare(column) !== fixed)
      return { table, method: 'btree', columns: rest.length > 0 ? rest : [fixed], where }
    }),
  )
  const contained = [...use.contained].map((column): Candidate => ({ table, method: 'gin', columns: [column] }))
  const summed = [...use.range]
    .filter(isPlain)
    .map((column): Candidate => ({ table, method: 'brin', columns: [column] }))
  return [...full, ...full.flatMap((one) => covering(one, use.reads)), ...partial, ...contained, ...summed].filter(
    ({ columns }) => columns.length > 0 && columns.length <= MOST_COLUMNS,
  )
}

/** The same with all that the query reads beside it, where that is little. */
function covering(one: Candidate, reads: TableUse['reads']): Candidate[] {
  if (!reads || one.columns.length === 0 || !one.columns.every((column) => isPlain(bare(column)))) return []
  const include = [...reads].filter((column) => !one.columns.some((key) => bare(key) === column))
  return include.length > 0 && include.length <= MOST_INCLUDED ? [{ ...one, include }] : []
}

/** A column, and no expression. */
function isPlain(column: string): boolean {
  return !column.includes('(')
}

/** An index is read from either end: only a mixture of directions has to be written down. */
function directed({ order }: TableUse): string[] {
  const mixed = order.some(({ descending }) => descending) && order.some(({ descending }) => !descending)
  return order.map(({ column, descending }) => (mixed && descending ? `${column} desc` : column))
}

function unique(columns: readonly string[]): string[] {
  return columns.filter((column, i) => columns.findIndex((other) => bare(other) === bare(column)) === i)
}

export function bare(column: string): string {
  return column.replace(/ desc$/, '')
}

export function keyOf({ table, method, columns, include = [], where = '' }: Candidate): string {
  return `${table} ${method} ${columns.join(',')} ${include.join(',')} ${where}`
}

/** `orders_customer_id_placed_at` */
export function nameOf({ table, method, columns, include, where }: Candidate): string {
  const words = [
    table,
    ...columns,
    ...(method === 'brin' ? ['brin'] : []),
    ...(include ? ['include', ...include] : []),
    ...(where === undefined ? [] : ['where', where]),
  ].join(' ')
  const name = words
    .replaceAll(/[^a-z0-9_]+/gi, '_')
    .replaceAll(/_+/g, '_')
    .replace(/_$/, '')
    .toLowerCase()
  return name.length <= 60 ? name : name.slice(0, 60).replace(/_$/, '')
}

/** `on orders (customer_id, placed_at) where …`, with the table's schema when one is given. */
export function bodyOf({ table, method, columns, include, where }: Candidate, schema?: string): string {
  const on = schema === undefined ? quoteIfNeeded(table) : `${quoteName(schema)}.${quoteName(table)}`
  const using = method === 'btree' ? '' : ` using ${method}`
  const more = include ? ` include (${include.join(', ')})` : ''
  // Without that, what was inserted since the last vacuum is read in whole by every query.
  const storage = method === 'brin' ? ' with (autosummarize = on)' : ''
  return `on ${on}${using} (${columns.join(', ')})${more}${storage}${where === undefined ? '' : ` where ${where}`}`
}

/** Quoted where SQL would read it otherwise. */
export function quoteIfNeeded(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : quoteName(name)
}

/** Words that Postgres does not take for the name of a column. */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column ' +
    'concurrently constraint create cross current_catalog current_date current_role current_schema current_time ' +
    'current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from ' +
    'full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime ' +
    'localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning ' +
    'right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user ' +
    'using variadic verbose when where window with'
  ).split(' '),
)

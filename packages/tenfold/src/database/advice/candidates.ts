import { quoteName } from '../roles.ts'
import type { TableUse } from './predicates.ts'

export interface Candidate {
  table: string
  method: 'btree' | 'gin'
  columns: readonly string[]
  where?: string
}

const MOST_COLUMNS = 4

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
  return [...full, ...partial, ...contained].filter(
    ({ columns }) => columns.length > 0 && columns.length <= MOST_COLUMNS,
  )
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

export function keyOf({ table, method, columns, where = '' }: Candidate): string {
  return `${table} ${method} ${columns.join(',')} ${where}`
}

/** `orders_customer_id_placed_at` */
export function nameOf({ table, columns, where }: Candidate): string {
  const words = [table, ...columns, ...(where === undefined ? [] : ['where', where])].join(' ')
  const name = words
    .replaceAll(/[^a-z0-9_]+/gi, '_')
    .replaceAll(/_+/g, '_')
    .replace(/_$/, '')
    .toLowerCase()
  return name.length <= 60 ? name : name.slice(0, 60).replace(/_$/, '')
}

/** `on orders (customer_id, placed_at) where …`, with the table's schema when one is given. */
export function bodyOf({ table, method, columns, where }: Candidate, schema?: string): string {
  const on = schema === undefined ? quoteIfNeeded(table) : `${quoteName(schema)}.${quoteName(table)}`
  const using = method === 'btree' ? '' : ` using ${method}`
  return `on ${on}${using} (${columns.join(', ')})${where === undefined ? '' : ` where ${where}`}`
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

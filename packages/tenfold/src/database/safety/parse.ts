import type { Node, ParseResult, RangeVar, TypeName } from 'libpg-query'
import { messageOf } from '../../kernel/index.ts'
import { MigrationFailed } from '../errors.ts'
import type { MigrationFile } from '../migrations/files.ts'

export interface Statement {
  node: Node
  /** Without the comments before it. */
  sql: string
  /** The same as it stands in the file, where `sql` has names in the place of `:modules` and the like. */
  source: string
  /** Of its first word, from 1. */
  line: number
}

/** Reads SQL with the parser of Postgres itself. It is loaded when the first file is read: no running app needs it. */
export async function loadParser(): Promise<(sql: string) => Node[]> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  return (sql) => ((parseSync(sql) as ParseResult).stmts ?? []).flatMap(({ stmt }) => (stmt ? [stmt] : []))
}

/** The statements of a migration, `:modules`, `:system` and `:batch` replaced by names that parse and are as long. */
export async function parseMigration(file: MigrationFile): Promise<Statement[]> {
  const { sql, module, name } = file
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  const text = withStandIns(sql)
  let parsed: ParseResult
  try {
    parsed = parseSync(text) as ParseResult
  } catch (error) {
    const { cursorPosition = 0 } = (error as { sqlDetails?: { cursorPosition: number } }).sqlDetails ?? {}
    const line = text.slice(0, cursorPosition).split('\n').length
    throw MigrationFailed({ module, name, reason: messageOf(error), line }, { cause: error })
  }
  const bytes = Buffer.from(text)
  const original = Buffer.from(sql)
  return (parsed.stmts ?? []).flatMap(({ stmt, stmt_location = 0, stmt_len }) => {
    if (!stmt) return []
    const end = stmt_len === undefined ? bytes.length : stmt_location + stmt_len
    const whole = bytes.subarray(stmt_location, end).toString()
    const remark = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(whole)![0]
    const before = bytes.subarray(0, stmt_location).toString() + remark
    const source = original.subarray(stmt_location, end).toString().slice(remark.length).trimEnd()
    return [{ node: stmt, sql: whole.slice(remark.length).trimEnd(), source, line: before.split('\n').length }]
  })
}

/** Roles that stand for the group of the modules and for the platform. */
export const STAND_INS = { modules: 'tf_group', system: 'tf_syst' } as const

export function withStandIns(sql: string): string {
  return sql
    .replace(/(?<!:):(modules|system)\b/g, (_, which: 'modules' | 'system') => STAND_INS[which])
    .replace(/(?<!:):batch\b/g, '(tRuE)')
}

/** `schema.table` or `table`, as written. */
export function nameOf(relation: RangeVar | undefined): string {
  const { schemaname, relname = '' } = relation ?? {}
  return schemaname ? `${schemaname}.${relname}` : relname
}

/** The last of the parts of a name, and what stands before it. */
export function partsOf(names: readonly Node[] | undefined): { schema?: string; name: string } {
  const parts = (names ?? []).flatMap((one) => ('String' in one ? [one.String.sval ?? ''] : []))
  const name = parts.at(-1) ?? ''
  const schema = parts.at(-2)
  return schema === undefined ? { name } : { schema, name }
}

/** `int4`, `varchar(20)`, `numeric(10,2)`, `text[]`. */
export function typeOf(type: TypeName | undefined): string {
  const { name } = partsOf(type?.names)
  const limits = (type?.typmods ?? []).flatMap((one) =>
    'A_Const' in one && one.A_Const.ival ? [one.A_Const.ival.ival ?? 0] : [],
  )
  return `${name}${limits.length > 0 ? `(${limits.join(',')})` : ''}${type?.arrayBounds?.length ? '[]' : ''}`
}

/** Calls back with every object of the tree, with the key that it stands under. */
export function walk(tree: unknown, visit: (key: string, value: Record<string, unknown>) => void, key = ''): void {
  if (Array.isArray(tree)) for (const item of tree) walk(item, visit, key)
  else if (typeof tree === 'object' && tree !== null) {
    visit(key, tree as Record<string, unknown>)
    for (const [name, value] of Object.entries(tree)) walk(value, visit, name)
  }
}

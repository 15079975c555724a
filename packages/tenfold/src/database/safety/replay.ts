/** The third gate: what the code that runs now sends to the database, on the schema that the migration leaves behind.
 *
 *  Each recorded statement is planned before and after, as the role of its module. Planning finds names that are gone, types
 *  that do not fit, conflict targets without an index, and rights that are missing; what an INSERT leaves out is compared with
 *  what the table then requires. What depends on the data (a CHECK, a shorter varchar) is left to the rules. */
import type pg from 'pg'
import type { Node } from 'libpg-query'
import { messageOf } from '../../kernel/index.ts'
import { quoteName, rolesOf } from '../roles.ts'
import { loadParser, nameOf } from './parse.ts'
import type { RecordedStatement } from './safety.ts'

/** How a statement fares on one state of the schema. */
export interface Fate {
  /** Undefined when it can be planned. */
  fails?: { code: string; message: string }
  /** Types of its parameters and of its columns. */
  types: string
  /** Columns that an INSERT leaves out and the table requires. */
  lacks: { table: string; column: string }[]
}

export type Fates = Map<RecordedStatement, Fate>

/** The fates of all statements. Only SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES have one. */
export async function fatesOf(
  client: pg.Client,
  app: string,
  statements: readonly RecordedStatement[],
): Promise<Fates> {
  const parse = await loadParser()
  const required = await requiredColumns(client)
  const fates: Fates = new Map()
  const byModule = Map.groupBy(statements, ({ module }) => module)
  for (const [module, all] of byModule) {
    await client.query(`set role ${quoteName(rolesOf(app, module).login)}; set search_path = ${quoteName(module)}`)
    for (const statement of all) {
      const nodes = parsed(parse, statement.text)
      if (nodes.length !== 1 || !isPlannable(nodes[0]!)) continue
      fates.set(statement, { ...(await plan(client, statement.text)), lacks: lacking(nodes[0]!, module, required) })
    }
    await client.query('reset role; reset search_path')
  }
  return fates
}

async function plan(client: pg.Client, text: string): Promise<Omit<Fate, 'lacks'>> {
  try {
    await client.query(`prepare replayed as ${text}`)
    const { rows } = await client.query<{ types: string }>(
      `select parameter_types::text || ' -> ' || coalesce(result_types::text, '{}') as types from pg_prepared_statements where name = 'replayed'`,
    )
    await client.query(`explain (generic_plan) ${text}`)
    return { types: rows[0]?.types ?? '' }
  } catch (error) {
    return { types: '', fails: { code: (error as { code?: string }).code ?? '', message: messageOf(error) } }
  } finally {
    await client.query('deallocate all')
  }
}

function parsed(parse: (sql: string) => Node[], text: string): Node[] {
  try {
    return parse(text)
  } catch {
    return [] // it was recorded because it was sent, not because it worked
  }
}

const PLANNABLE = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])
const isPlannable = (node: Node): boolean => PLANNABLE.has(Object.keys(node)[0] ?? '')

interface Required {
  schema: string
  table: string
  column: string
  position: number
  required: boolean
}

/** All columns of all tables, and whether an INSERT has to name them. */
async function requiredColumns(client: pg.Client): Promise<Map<string, Required[]>> {
  const { rows } = await client.query<Required>(
    `select n.nspname as schema, c.relname as table, a.attname as column, a.attnum as position,
            a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' and t.typdefault is null as required
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       join pg_namespace n on n.oid = c.relnamespace
       join pg_type t on t.oid = a.atttypid
      where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
        and n.nspname not in ('pg_catalog', 'information_schema')
      order by a.attnum`,
  )
  return Map.groupBy(rows, ({ schema, table }) => `${schema}.${table}`)
}

function lacking(node: Node, module: string, required: Map<string, Required[]>): { table: string; column: string }[] {
  if (!('InsertStmt' in node)) return []
  const { relation, cols, selectStmt } = node.InsertStmt
  const name = nameOf(relation)
  const columns = required.get(name.includes('.') ? name : `${module}.${name}`) ?? []
  const written = (cols ?? []).flatMap((one) => ('ResTarget' in one ? [one.ResTarget.name ?? ''] : []))
  // Without a list of columns the values stand for the first ones.
  if (written.length === 0 && selectStmt) {
    const select = 'SelectStmt' in selectStmt ? selectStmt.SelectStmt : {}
    const [row] = select.valuesLists ?? []
    const width = row && 'List' in row ? (row.List.items ?? []).length : (select.targetList ?? []).length
    written.push(...columns.slice(0, width).map(({ column }) => column))
  }
  return columns
    .filter((one) => one.required && !written.includes(one.column))
    .map(({ column }) => ({ table: name, column }))
}

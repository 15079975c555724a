/** What is safe by itself and not in one transaction with the rest of the file. */
import type { AlterTableCmd, Node } from 'libpg-query'
import { nameOf, walk, type Statement } from '../parse.ts'
import type { KnownSchema } from '../schema.ts'
import type { Judged } from '../safety.ts'
import type { Found } from './rule.ts'

interface Placed {
  statement: Statement
  /** Existing tables that it locks against readers or writers. */
  locks: string[]
  /** Existing tables whose rows it writes. */
  writes: string[]
}

/** Faults of the file as a whole, each at the statement that makes it one. */
export function together(
  statements: readonly Statement[],
  file: Judged,
  schema: KnownSchema,
  created: ReadonlySet<string>,
): { statement: Statement; found: Found }[] {
  if (!file.transactional) return file.phase === 'backfill' ? backfillForm(statements) : []
  const old = (name: string): boolean => name !== '' && !created.has(name)
  const placed = statements.map((statement): Placed => {
    const local = (names: readonly string[]): string[] => names.map((name) => schema.local(name)).filter(old)
    return { statement, locks: local(lockedBy(statement.node)), writes: local(writtenBy(statement.node)) }
  })
  return [
    ...strongLocks(placed),
    ...schemaAndData(placed),
    ...enumValues(statements, created),
    ...validations(statements),
    ...(file.phase === 'backfill' ? backfillForm(statements) : []),
  ]
}

function strongLocks(placed: readonly Placed[]): { statement: Statement; found: Found }[] {
  const held: string[] = []
  return placed.flatMap(({ statement, locks }) => {
    const fresh = [...new Set(locks)].filter((name) => !held.includes(name))
    const before = held.at(-1)
    held.push(...fresh)
    const second = before === undefined ? fresh.slice(1) : fresh
    const first = before ?? fresh[0] ?? ''
    return second.map((table) => ({
      statement,
      found: { code: 'several-locks', details: { table, name: first } } as const,
    }))
  })
}

function schemaAndData(placed: readonly Placed[]): { statement: Statement; found: Found }[] {
  const locked = placed.flatMap(({ locks }) => locks)
  return placed.flatMap(({ statement, writes }) =>
    [...new Set(writes)]
      .filter(() => locked.length > 0)
      .map((table) => ({ statement, found: { code: 'data-with-schema', details: { table } } as const })),
  )
}

function enumValues(
  statements: readonly Statement[],
  created: ReadonlySet<string>,
): { statement: Statement; found: Found }[] {
  const added = new Set<string>()
  return statements.flatMap((statement) => {
    const { node } = statement
    if ('AlterEnumStmt' in node) {
      const { newVal, oldVal, typeName } = node.AlterEnumStmt
      const name = typeName?.at(-1)
      const isNewType = name !== undefined && 'String' in name && created.has(name.String.sval ?? '')
      if (newVal && !oldVal && !isNewType) added.add(newVal)
      return []
    }
    const used = new Set<string>()
    walk(node, (key, value) => {
      if (key === 'sval' && typeof value['sval'] === 'string' && added.has(value['sval'])) used.add(value['sval'])
    })
    return [...used].map((name) => ({ statement, found: { code: 'enum-value-used', details: { name } } as const }))
  })
}

function validations(statements: readonly Statement[]): { statement: Statement; found: Found }[] {
  const added = new Set<string>()
  return statements.flatMap((statement) =>
    commandsOf(statement.node).flatMap(({ table, command }) => {
      const { subtype, name = '', def } = command
      if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def && def.Constraint.skip_validation) {
        added.add(`${table}.${def.Constraint.conname ?? ''}`)
      }
      if (subtype !== 'AT_ValidateConstraint' || !added.has(`${table}.${name}`)) return []
      return [{ statement, found: { code: 'validated-at-once', details: { table, name } } as const }]
    }),
  )
}

/** A backfill is one statement with `:batch` in it. */
function backfillForm(statements: readonly Statement[]): { statement: Statement; found: Found }[] {
  return statements.flatMap((statement, i) => {
    const isOnly = i === 0 && statements.length === 1
    return isOnly && statement.sql.includes('(tRuE)') ? [] : [{ statement, found: { code: 'backfill-form' } as const }]
  })
}

export function commandsOf(node: Node): { table: string; command: AlterTableCmd }[] {
  if (!('AlterTableStmt' in node)) return []
  const table = nameOf(node.AlterTableStmt.relation)
  return (node.AlterTableStmt.cmds ?? []).flatMap((one) =>
    'AlterTableCmd' in one ? [{ table, command: one.AlterTableCmd }] : [],
  )
}

/** These only take locks that readers and writers do not notice. */
const WEAK = new Set([
  'AT_ValidateConstraint',
  'AT_SetStatistics',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_SetOptions',
  'AT_ClusterOn',
])

function lockedBy(node: Node): string[] {
  if ('AlterTableStmt' in node) {
    const commands = commandsOf(node)
    if (commands.every(({ command }) => WEAK.has(command.subtype ?? ''))) return []
    // A foreign key locks the table that it points to as well, for a moment: there is no other way to make one.
    return commands.slice(0, 1).map(({ table }) => table)
  }
  if ('RenameStmt' in node && node.RenameStmt.relation) return [nameOf(node.RenameStmt.relation)]
  if ('CreateTrigStmt' in node) return [nameOf(node.CreateTrigStmt.relation)]
  if ('IndexStmt' in node && !node.IndexStmt.concurrent) return [nameOf(node.IndexStmt.relation)]
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).flatMap((one) => ('RangeVar' in one ? [nameOf(one.RangeVar)] : []))
  }
  if ('LockStmt' in node) {
    return (node.LockStmt.relations ?? []).flatMap((one) => ('RangeVar' in one ? [nameOf(one.RangeVar)] : []))
  }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
    return (node.DropStmt.objects ?? []).flatMap((one) => {
      const last = 'List' in one ? one.List.items?.at(-1) : undefined
      return last && 'String' in last ? [last.String.sval ?? ''] : []
    })
  }
  return []
}

function writtenBy(node: Node): string[] {
  if ('UpdateStmt' in node) return [nameOf(node.UpdateStmt.relation)]
  if ('DeleteStmt' in node) return [nameOf(node.DeleteStmt.relation)]
  if ('MergeStmt' in node) return [nameOf(node.MergeStmt.relation)]
  if ('InsertStmt' in node) return [nameOf(node.InsertStmt.relation)]
  return []
}

/** Names of tables, views and types that the file makes. */
export function createdBy(node: Node): string[] {
  if ('CreateStmt' in node) return [nameOf(node.CreateStmt.relation)]
  if ('CreateTableAsStmt' in node) return [nameOf(node.CreateTableAsStmt.into?.rel)]
  if ('ViewStmt' in node && !node.ViewStmt.replace) return [nameOf(node.ViewStmt.view)]
  if ('CreateEnumStmt' in node || 'CompositeTypeStmt' in node || 'CreateFunctionStmt' in node) {
    const names =
      'CreateEnumStmt' in node
        ? node.CreateEnumStmt.typeName
        : 'CreateFunctionStmt' in node && !node.CreateFunctionStmt.replace
          ? node.CreateFunctionStmt.funcname
          : []
    const last = names?.at(-1)
    return last && 'String' in last ? [last.String.sval ?? ''] : []
  }
  return []
}

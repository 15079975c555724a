/** What earlier migrations have made, as far as the rules need to know: folded from their statements, no server asked. */
import type { AlterTableCmd, ColumnDef, Constraint, CreateStmt, Node } from 'libpg-query'
import { nameOf, partsOf, typeOf, type Statement } from './parse.ts'

export interface Column {
  type: string
}

export interface Table {
  columns: Map<string, Column>
  /** Sets of columns of which each row has values of its own: primary key, unique constraints. */
  keys: string[][]
  /** By name: the column that a check says is not null, and whether all rows are known to obey. */
  notNullChecks: Map<string, { column: string; validated: boolean }>
}

export class KnownSchema {
  readonly schema: string
  readonly tables = new Map<string, Table>()
  /** By index: its table. */
  readonly indexes = new Map<string, string>()
  /** Constraints that hold for new rows only, so far: `table.constraint`. */
  readonly unvalidated = new Set<string>()

  constructor(schema: string) {
    this.schema = schema
  }

  /** The name without this schema before it. */
  local(name: string): string {
    return name.startsWith(`${this.schema}.`) ? name.slice(this.schema.length + 1) : name
  }

  apply({ node }: Pick<Statement, 'node'>): void {
    if ('CreateStmt' in node) this.#create(node.CreateStmt)
    if ('IndexStmt' in node) {
      const { idxname, relation, unique, indexParams } = node.IndexStmt
      const table = this.local(nameOf(relation))
      if (idxname) this.indexes.set(idxname, table)
      const columns = (indexParams ?? []).flatMap((one) =>
        'IndexElem' in one && one.IndexElem.name ? [one.IndexElem.name] : [],
      )
      if (unique && !node.IndexStmt.whereClause) this.tables.get(table)?.keys.push(columns)
    }
    if ('AlterTableStmt' in node) {
      const table = this.local(nameOf(node.AlterTableStmt.relation))
      for (const cmd of node.AlterTableStmt.cmds ?? []) {
        if ('AlterTableCmd' in cmd) this.#alter(table, cmd.AlterTableCmd)
      }
    }
    if ('RenameStmt' in node) this.#rename(node)
    if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
      for (const one of node.DropStmt.objects ?? []) if ('List' in one) this.tables.delete(partsOf(one.List.items).name)
    }
  }

  #create({ relation, tableElts }: CreateStmt): void {
    const table: Table = { columns: new Map(), keys: [], notNullChecks: new Map() }
    for (const one of tableElts ?? []) {
      if ('ColumnDef' in one) this.#addColumn(table, one.ColumnDef)
      if ('Constraint' in one) this.#constrain(table, '', one.Constraint)
    }
    this.tables.set(this.local(nameOf(relation)), table)
  }

  #addColumn(table: Table, column: ColumnDef): void {
    const { colname = '', typeName, constraints } = column
    table.columns.set(colname, { type: typeOf(typeName) })
    for (const one of constraints ?? []) {
      const kind = 'Constraint' in one ? one.Constraint.contype : undefined
      if (kind === 'CONSTR_PRIMARY' || kind === 'CONSTR_UNIQUE') table.keys.push([colname])
    }
  }

  #constrain(table: Table, tableName: string, constraint: Constraint): void {
    const { contype, conname = '', skip_validation = false, keys } = constraint
    if (contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE') {
      if (keys) table.keys.push(keys.flatMap((one) => ('String' in one ? [one.String.sval ?? ''] : [])))
    }
    const column = notNullColumn(constraint)
    if (column !== undefined) table.notNullChecks.set(conname, { column, validated: !skip_validation })
    if (skip_validation) this.unvalidated.add(`${tableName}.${conname}`)
  }

  #alter(tableName: string, { subtype, name = '', def }: AlterTableCmd): void {
    const table = this.tables.get(tableName)
    if (!table) return
    if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) this.#addColumn(table, def.ColumnDef)
    if (subtype === 'AT_DropColumn') table.columns.delete(name)
    if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def) this.#constrain(table, tableName, def.Constraint)
    if (subtype === 'AT_DropConstraint') table.notNullChecks.delete(name)
    if (subtype === 'AT_AlterColumnType' && def && 'ColumnDef' in def) {
      table.columns.set(name, { type: typeOf(def.ColumnDef.typeName) })
    }
    if (subtype === 'AT_ValidateConstraint') {
      this.unvalidated.delete(`${tableName}.${name}`)
      const check = table.notNullChecks.get(name)
      if (check) check.validated = true
    }
  }

  #rename(node: Extract<Node, { RenameStmt: unknown }>): void {
    const { renameType, relation, subname = '', newname = '' } = node.RenameStmt
    const name = this.local(nameOf(relation))
    const table = this.tables.get(name)
    if (!table) return
    if (renameType === 'OBJECT_TABLE') {
      this.tables.delete(name)
      this.tables.set(newname, table)
    }
    const column = table.columns.get(subname)
    if (renameType === 'OBJECT_COLUMN' && column) {
      table.columns.delete(subname)
      table.columns.set(newname, column)
    }
  }
}

/** `check (column is not null)`, or `not null column` of Postgres 18. */
export function notNullColumn({ contype, raw_expr, keys }: Constraint): string | undefined {
  if (contype === 'CONSTR_NOTNULL') return keys?.[0] && 'String' in keys[0] ? keys[0].String.sval : undefined
  if (contype !== 'CONSTR_CHECK' || !raw_expr || !('NullTest' in raw_expr)) return undefined
  const { arg, nulltesttype } = raw_expr.NullTest
  if (nulltesttype !== 'IS_NOT_NULL' || !arg || !('ColumnRef' in arg)) return undefined
  return partsOf(arg.ColumnRef.fields).name
}

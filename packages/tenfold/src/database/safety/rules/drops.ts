/** What the code that runs now, or is being replaced right now, would miss. */
import { nameOf, partsOf, typeOf } from '../parse.ts'
import type { Found, Rule } from './rule.ts'

const HARMLESS = new Set(['OBJECT_INDEX', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY', 'OBJECT_STATISTIC_EXT'])

export const drops: Rule = ({ node }, { file, isNew }) => {
  if (!('DropStmt' in node)) return []
  const { removeType = '', objects, behavior } = node.DropStmt
  if (HARMLESS.has(removeType)) return []
  const names = (objects ?? []).map((one) => {
    if ('List' in one) return partsOf(one.List.items).name
    if ('TypeName' in one) return typeOf(one.TypeName)
    if ('ObjectWithArgs' in one) return partsOf(one.ObjectWithArgs.objname).name
    return 'String' in one ? (one.String.sval ?? '') : ''
  })
  const used = names.filter((name) => !isNew(name))
  const cascade: Found[] =
    behavior === 'DROP_CASCADE' ? used.map((name) => ({ code: 'drop-cascade', details: { name } })) : []
  if (file.phase === 'contract') return cascade
  const what = removeType.replace('OBJECT_', '').toLowerCase()
  return [
    ...cascade,
    ...used.map((name): Found =>
      what === 'table'
        ? { code: 'drop-table', details: { table: name } }
        : { code: 'drop-object', details: { name, type: what } },
    ),
  ]
}

const INVISIBLE = new Set([
  'OBJECT_INDEX',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_DOMCONSTRAINT',
  'OBJECT_TRIGGER',
  'OBJECT_POLICY',
])

export const renames: Rule = ({ node }, { isNew, schema }) => {
  if ('RenameStmt' in node) {
    const { renameType = '', relation, subname, newname = '', object } = node.RenameStmt
    if (INVISIBLE.has(renameType)) return []
    const table = schema.local(nameOf(relation))
    if (relation && isNew(table)) return []
    if (renameType === 'OBJECT_COLUMN') {
      return [{ code: 'rename-column', details: { table, column: subname ?? '', name: newname } }]
    }
    if (renameType === 'OBJECT_TABLE') return [{ code: 'rename-table', details: { table, name: newname } }]
    const old = relation ? table : object && 'List' in object ? partsOf(object.List.items).name : (subname ?? '')
    return [{ code: 'rename-object', details: { name: old, type: renameType.replace('OBJECT_', '').toLowerCase() } }]
  }
  if ('AlterEnumStmt' in node && node.AlterEnumStmt.oldVal) {
    return [{ code: 'rename-object', details: { name: node.AlterEnumStmt.oldVal, type: 'enum value' } }]
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { newschema = '', relation } = node.AlterObjectSchemaStmt
    return [{ code: 'rename-table', details: { table: nameOf(relation), name: newschema } }]
  }
  return []
}

const RISKY_TYPES: Record<string, 'timestamp-without-zone' | 'small-key' | 'padded-char'> = {
  timestamp: 'timestamp-without-zone',
  bpchar: 'padded-char',
}

/** Choices of types that are regretted later: warnings. */
export const types: Rule = ({ node }) => {
  const columns =
    'CreateStmt' in node
      ? (node.CreateStmt.tableElts ?? [])
      : 'AlterTableStmt' in node
        ? (node.AlterTableStmt.cmds ?? []).flatMap((one) =>
            'AlterTableCmd' in one && one.AlterTableCmd.def ? [one.AlterTableCmd.def] : [],
          )
        : []
  const relation =
    'CreateStmt' in node
      ? node.CreateStmt.relation
      : 'AlterTableStmt' in node
        ? node.AlterTableStmt.relation
        : undefined
  return columns.flatMap((one): Found[] => {
    if (!('ColumnDef' in one)) return []
    const { colname: column = '', typeName, constraints } = one.ColumnDef
    const type = typeOf(typeName)
    const details = { table: nameOf(relation), column, type }
    const isKey = (constraints ?? []).some(
      (each) =>
        'Constraint' in each &&
        (each.Constraint.contype === 'CONSTR_PRIMARY' || each.Constraint.contype === 'CONSTR_IDENTITY'),
    )
    if (/^(serial4?|smallserial|serial2)$/.test(type) || (isKey && /^int[24]$/.test(type)))
      return [{ code: 'small-key', details }]
    const risky = RISKY_TYPES[type.replace(/[([].*/, '')]
    return risky ? [{ code: risky, details }] : []
  })
}

/** ALTER TABLE: what scans, rewrites or locks a table that others are using, and what the code that runs cannot bear. */
import type { AlterTableCmd, ColumnDef, Constraint } from 'libpg-query'
import { nameOf, partsOf, typeOf, walk } from '../parse.ts'
import { notNullColumn } from '../schema.ts'
import type { Found, Rule, Surroundings } from './rule.ts'

export const alterTable: Rule = ({ node }, around) => {
  if (!('AlterTableStmt' in node)) return []
  const { relation, cmds } = node.AlterTableStmt
  const table = around.schema.local(nameOf(relation))
  if (around.isNew(table)) return []
  return (cmds ?? []).flatMap((one) => ('AlterTableCmd' in one ? command(table, one.AlterTableCmd, around) : []))
}

/** ALTER DOMAIN … ADD CONSTRAINT checks every table that has the domain. */
export const alterDomain: Rule = ({ node }) => {
  if (!('AlterDomainStmt' in node)) return []
  const { def, typeName } = node.AlterDomainStmt
  if (!def || !('Constraint' in def) || def.Constraint.skip_validation) return []
  const { name } = partsOf(typeName)
  return [{ code: 'check-validated', details: { table: name, name: def.Constraint.conname ?? `${name}_check` } }]
}

const REWRITES = new Set(['AT_SetLogged', 'AT_SetUnLogged', 'AT_SetTableSpace', 'AT_SetAccessMethod'])
const ROW_SECURITY = new Set(['AT_EnableRowSecurity', 'AT_ForceRowSecurity'])

function command(table: string, cmd: AlterTableCmd, around: Surroundings): Found[] {
  const { subtype = '', name = '', def } = cmd
  if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) return addColumn(table, def.ColumnDef)
  if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def) return addConstraint(table, def.Constraint)
  if (subtype === 'AT_AlterColumnType' && def && 'ColumnDef' in def) {
    const from = around.schema.tables.get(table)?.columns.get(name)?.type ?? ''
    const to = typeOf(def.ColumnDef.typeName)
    if (!def.ColumnDef.raw_default && keepsStorage(from, to)) return []
    return [{ code: 'type-rewrite', details: { table, column: name, type: to } }]
  }
  if (subtype === 'AT_SetNotNull') {
    const checks = [...(around.schema.tables.get(table)?.notNullChecks.values() ?? [])]
    if (checks.some((check) => check.column === name && check.validated)) return []
    return [{ code: 'set-not-null', details: { table, column: name } }]
  }
  if (subtype === 'AT_ValidateConstraint' && around.file.transactional) return []
  if (subtype === 'AT_ColumnDefault' && !def && around.file.phase !== 'contract') {
    return [{ code: 'drop-default', details: { table, column: name } }]
  }
  if (subtype === 'AT_AddIdentity') return [{ code: 'identity', details: { table, column: name } }]
  if (subtype === 'AT_DropColumn' && around.file.phase !== 'contract') {
    return [{ code: 'drop-column', details: { table, column: name } }]
  }
  if (REWRITES.has(subtype)) return [{ code: 'table-rewrite', details: { table } }]
  if (ROW_SECURITY.has(subtype)) return [{ code: 'row-security', details: { table } }]
  if (subtype === 'AT_ChangeOwner') return [{ code: 'role-change', details: { name: `owner of ${table}` } }]
  if (subtype === 'AT_DetachPartition') return detach(table, def)
  if (subtype === 'AT_AttachPartition') return [{ code: 'attach-partition', details: { table } }]
  return []
}

function detach(table: string, def: AlterTableCmd['def']): Found[] {
  const concurrent = def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true
  return concurrent ? [] : [{ code: 'detach-partition', details: { table } }]
}

function addColumn(table: string, column: ColumnDef): Found[] {
  const name = column.colname ?? ''
  const type = typeOf(column.typeName)
  const constraints = (column.constraints ?? []).flatMap((one) => ('Constraint' in one ? [one.Constraint] : []))
  const has = (kind: Constraint['contype']): Constraint | undefined => constraints.find((one) => one.contype === kind)
  const details = { table, column: name, type }
  const byDefault = has('CONSTR_DEFAULT')
  const generated = has('CONSTR_GENERATED')
  const found: Found[] = []
  if (/^(small|big)?serial\d?$/.test(type)) found.push({ code: 'identity', details })
  if (has('CONSTR_IDENTITY')) found.push({ code: 'identity', details })
  if (has('CONSTR_NOTNULL') && !byDefault && !generated && !has('CONSTR_IDENTITY')) {
    found.push({ code: 'required-column', details })
  }
  if (byDefault && isVolatile(byDefault.raw_expr)) found.push({ code: 'volatile-default', details })
  if (generated && generated.generated_kind !== 'v') found.push({ code: 'stored-generated', details })
  if (has('CONSTR_PRIMARY') || has('CONSTR_UNIQUE')) found.push({ code: 'unique-without-index', details })
  const foreign = has('CONSTR_FOREIGN')
  if (foreign && !foreign.skip_validation) {
    found.push({ code: 'foreign-key-validated', details: { ...details, to: nameOf(foreign.pktable) } })
  }
  if (has('CONSTR_CHECK'))
    found.push({ code: 'check-validated', details: { ...details, name: `${table}_${name}_check` } })
  return found
}

function addConstraint(table: string, constraint: Constraint): Found[] {
  const { contype, conname = '', skip_validation, indexname, fk_attrs } = constraint
  const details = { table, name: conname }
  if (contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE') {
    return indexname ? [] : [{ code: 'unique-without-index', details }]
  }
  if (contype === 'CONSTR_EXCLUSION') return [{ code: 'exclusion', details }]
  if (skip_validation) return []
  const column = notNullColumn(constraint)
  if (contype === 'CONSTR_NOTNULL') return [{ code: 'set-not-null', details: { table, ...(column && { column }) } }]
  if (contype === 'CONSTR_CHECK') return [{ code: 'check-validated', details }]
  if (contype === 'CONSTR_FOREIGN') {
    const to = nameOf(constraint.pktable)
    return [{ code: 'foreign-key-validated', details: { ...details, column: partsOf(fk_attrs).name, to } }]
  }
  return []
}

/** Evaluated once, when the column is added; everything else may differ from row to row, and so every row is written. */
const ONCE = new Set(
  (
    'now current_date current_time current_timestamp localtime localtimestamp transaction_timestamp statement_timestamp ' +
    'timezone date_trunc date_part make_interval make_date make_timestamptz to_char to_timestamp jsonb_build_object jsonb_build_array ' +
    'json_build_object array_fill lower upper md5 length coalesce concat abs round floor ceil timestamptz date text'
  ).split(' '),
)

export function isVolatile(expression: unknown): boolean {
  const names: string[] = []
  walk({ expression }, (key, value) => {
    if (key === 'FuncCall') names.push(partsOf(value['funcname'] as Parameters<typeof partsOf>[0]).name)
  })
  return names.some((name) => !ONCE.has(name))
}

/** Longer or unlimited text, and more digits before the same number of decimals: only the catalogue changes. */
export function keepsStorage(from: string, to: string): boolean {
  if (from === to) return true
  const [, base = '', limits = ''] = /^(\w+)(?:\(([\d,]+)\))?$/.exec(from) ?? []
  const [, newBase = '', newLimits = ''] = /^(\w+)(?:\(([\d,]+)\))?$/.exec(to) ?? []
  const text = (one: string): boolean => one === 'varchar' || one === 'text'
  if (text(base) && text(newBase)) {
    return newLimits === '' || (limits !== '' && Number(newLimits) >= Number(limits))
  }
  if (base !== newBase || base === '' || base === 'bpchar') return false
  if (newLimits === '') return true
  if (limits === '') return false
  const [digits = 0, decimals = 0] = limits.split(',').map(Number)
  const [newDigits = 0, newDecimals = 0] = newLimits.split(',').map(Number)
  return base === 'numeric' ? newDecimals === decimals && newDigits >= digits : newDigits >= digits
}

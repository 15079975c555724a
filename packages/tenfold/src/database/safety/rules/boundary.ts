/** A migration acts as the owner of its module, in the schema of its module, in the transaction that the runner made. */
import { partsOf, STAND_INS, walk } from '../parse.ts'
import type { Found, Rule } from './rule.ts'

const SHARED_SCHEMAS = new Set(['pg_catalog', 'information_schema', 'pg_temp', 'tenfold'])

export const otherModules: Rule = ({ node }, { file }) => {
  const schemas = new Set<string>()
  walk(node, (key, value) => {
    if (typeof value['schemaname'] === 'string') schemas.add(value['schemaname'])
    if (typeof value['newschema'] === 'string') schemas.add(value['newschema'])
    const names =
      key === 'FuncCall' ? value['funcname'] : typeof value['typemod'] === 'number' ? value['names'] : undefined
    const { schema } = partsOf(names as Parameters<typeof partsOf>[0])
    if (schema !== undefined) schemas.add(schema)
  })
  const own = new Set([file.schema, `${file.schema}_api`])
  const foreign = [...schemas].filter((one) => !own.has(one) && !SHARED_SCHEMAS.has(one))
  return foreign.map((name) => ({ code: 'other-module', details: { name } }))
}

const ROLE_STATEMENTS = [
  'CreateRoleStmt',
  'AlterRoleStmt',
  'AlterRoleSetStmt',
  'DropRoleStmt',
  'GrantRoleStmt',
  'DropOwnedStmt',
  'ReassignOwnedStmt',
  'AlterOwnerStmt',
  'AlterDefaultPrivilegesStmt',
]
const SERVER_STATEMENTS = [
  'AlterSystemStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'AlterDatabaseStmt',
  'AlterDatabaseSetStmt',
  'CreateTableSpaceStmt',
  'CreateSchemaStmt',
  'CreateSubscriptionStmt',
  'CreatePublicationStmt',
  'CreateExtensionStmt',
  'CreateForeignServerStmt',
  'LoadStmt',
  'CopyStmt',
  'ListenStmt',
  'NotifyStmt',
  'CreateEventTrigStmt',
]

export const roles: Rule = ({ node }, { file }) => {
  const kind = Object.keys(node)[0] ?? ''
  if (ROLE_STATEMENTS.includes(kind)) return [{ code: 'role-change', details: { name: kind.replace('Stmt', '') } }]
  if (SERVER_STATEMENTS.includes(kind)) return [{ code: 'outside-module', details: { name: kind.replace('Stmt', '') } }]
  if ('TransactionStmt' in node) return [{ code: 'transaction-control' }]
  if ('VariableSetStmt' in node) {
    const { name = '', kind: how } = node.VariableSetStmt
    const changesRole = name === 'role' || name === 'session_authorization' || how === 'VAR_RESET_ALL'
    return [
      changesRole
        ? { code: 'role-change', details: { name: 'set role' } }
        : { code: 'session-setting', details: { name } },
    ]
  }
  if ('DiscardStmt' in node) return [{ code: 'session-setting', details: { name: 'discard' } }]
  if ('GrantStmt' in node) {
    const allowed: readonly string[] = [STAND_INS.modules, STAND_INS.system]
    const to = (node.GrantStmt.grantees ?? []).flatMap((one) => ('RoleSpec' in one ? [one.RoleSpec] : []))
    if (!node.GrantStmt.is_grant) return []
    return to
      .filter(({ rolename = '', roletype }) => roletype === 'ROLESPEC_PUBLIC' || !allowed.includes(rolename))
      .map(({ rolename = 'public' }) => ({ code: 'foreign-grant', details: { name: rolename } }))
  }
  if ('DoStmt' in node) return [{ code: 'opaque-block' }]
  if ('CreateFunctionStmt' in node) return functions(node.CreateFunctionStmt)
  if ('SelectStmt' in node) return settings(node.SelectStmt)
  void file
  return []
}

function functions(statement: { funcname?: unknown; options?: unknown }): Found[] {
  const details = { name: partsOf(statement.funcname as Parameters<typeof partsOf>[0]).name }
  let definer = false
  let path = false
  let body = ''
  walk(statement.options, (key, value) => {
    if (key !== 'DefElem') return
    const { defname, arg } = value as { defname?: string; arg?: Record<string, { boolval?: boolean; name?: string }> }
    if (defname === 'security') definer = arg?.['Boolean']?.boolval === true
    if (defname === 'set' && arg?.['VariableSetStmt']?.name === 'search_path') path = true
    if (defname === 'as') body = JSON.stringify(arg)
  })
  return [
    ...(definer && !path ? [{ code: 'definer-without-path', details } as const] : []),
    ...(/\bset\s+(local\s+|session\s+)?(role|session\s+authorization)\b|set_config\s*\(\s*'role'/i.test(body)
      ? [{ code: 'role-change', details } as const]
      : []),
  ]
}

/** `select set_config('role', …)` is SET in other words. */
function settings(statement: unknown): Found[] {
  const found: Found[] = []
  walk(statement, (key, value) => {
    if (key !== 'FuncCall') return
    const { name } = partsOf(value['funcname'] as Parameters<typeof partsOf>[0])
    if (name !== 'set_config') return
    found.push(
      /"sval":"(role|session_authorization)"/i.test(JSON.stringify(value['args']))
        ? { code: 'role-change', details: { name: 'set_config' } }
        : { code: 'session-setting', details: { name: 'set_config' } },
    )
  })
  return found
}

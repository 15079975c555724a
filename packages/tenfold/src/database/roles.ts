/** Boundaries in the database: one login role and one schema per module, with grants on nothing else.
 *
 *    <app>_tenfold_owner   owns schema tenfold                      <app>_tenfold    logs in for the platform's own tables
 *    <app>_<module>_owner  owns schema <module>; logs in to migrate <app>_<module>   logs in for the module's code
 *    <app>_modules         the group of all module logins: may execute the platform's functions, nothing else
 *
 *  Passwords are derived from SECRET_KEY, so that every instance knows them and none is stored anywhere. */
import { createHmac } from 'node:crypto'
import type { Sql } from './sql.ts'
import { verifierOf } from './verifier.ts'

export const SYSTEM = 'tenfold'

/** Whether migrations of this name are tenfold's own. */
export function isPlatform({ module }: { module: string }): boolean {
  return module.startsWith(`${SYSTEM}.`)
}

export interface RoleNames {
  owner: string
  login: string
}

export function rolesOf(app: string, module: string): RoleNames {
  return { owner: `${app}_${module}_owner`, login: `${app}_${module}` }
}

export function groupOf(app: string): string {
  return `${app}_modules`
}

export function passwordOf(secretKey: string, role: string): string {
  return createHmac('sha256', secretKey).update(`postgres:${role}`).digest('base64url')
}

/** Quotes a name for SQL. Names come from module definitions, never from requests; this keeps odd ones harmless all the same. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a text for SQL, where parameters cannot stand. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** How modules log in: each with its own role, or all with the one of DATABASE_URL where roles cannot be made
 *  (a managed Postgres without CREATEROLE). With `shared`, only the type checker and `tenfold check` hold the boundaries. */
export type RoleMode = 'separate' | 'shared'

/** Whether roles can be made. Tables of a database that was begun without them belong to whoever made them: it stays so. */
export async function roleModeFor(admin: Sql): Promise<RoleMode> {
  if ((await keptRoleMode(admin)) === 'shared') return 'shared'
  const { rows } = await admin.query<{ can: boolean }>(
    `select rolsuper or rolcreaterole as can from pg_roles where rolname = current_user`,
  )
  return rows[0]?.can ? 'separate' : 'shared'
}

/** What the database was begun with; undefined before the first migration. */
export async function keptRoleMode(admin: Sql): Promise<RoleMode | undefined> {
  const { rows } = await admin.query<{ there: boolean }>(`select to_regclass('tenfold.meta') is not null as there`)
  if (!rows[0]?.there) return undefined
  return (await admin.query<{ value: RoleMode }>(`select value from tenfold.meta where key = 'roles'`)).rows[0]?.value
}

/** Makes the roles and schemas of the platform and of all modules, or brings them up to date. Safe to run again and again. */
export async function ensureRoles(
  admin: Sql,
  options: { app: string; modules: string[]; secretKey: string },
): Promise<void> {
  const { app, modules, secretKey } = options
  const group = groupOf(app)
  await ensureRole(admin, group, 'nologin')
  for (const module of [SYSTEM, ...modules]) {
    const { owner, login } = rolesOf(app, module)
    for (const role of [owner, login]) {
      await ensureRole(admin, role, 'login noinherit')
      await setPassword(admin, role, secretKey)
    }
    if (module !== SYSTEM) {
      // The group's right to execute functions must be inherited, its membership must not be usable for SET ROLE.
      await admin.query(`alter role ${quoteName(login)} inherit`)
      await grantMembership(admin, group, login)
    }
    await ensureSchema(admin, module, owner, login)
    await limitRole(admin, login, module)
  }
  await admin.query(`grant usage on schema ${SYSTEM} to ${quoteName(group)}`)
  await admin.query(`revoke all on schema public from public`)
}

async function ensureRole(admin: Sql, role: string, attributes: string): Promise<void> {
  const { rowCount } = await admin.query('select 1 from pg_roles where rolname = $1', [role])
  // Roles belong to the whole server: two databases migrated at once may both try to make or alter the same one.
  await retryingConcurrentUpdate(async () => {
    if (rowCount > 0) await admin.query(`alter role ${quoteName(role)} ${attributes}`)
    else {
      await admin.query(
        `do $$ begin create role ${quoteName(role)} ${attributes}; exception when duplicate_object or unique_violation then null; end $$`,
      )
    }
  })
  // Postgres 16 and newer: whoever creates a role may administer it, but must grant itself the right to act as it.
  await retryingConcurrentUpdate(() => admin.query(`grant ${quoteName(role)} to current_user`))
}

/** Some managed servers take plain passwords only. Those alone get one: it may stand in a log of statements. */
async function setPassword(admin: Sql, role: string, secretKey: string): Promise<void> {
  const set = (password: string): Promise<void> =>
    retryingConcurrentUpdate(() => admin.query(`alter role ${quoteName(role)} password ${quoteText(password)}`))
  const password = passwordOf(secretKey, role)
  const salt = createHmac('sha256', secretKey).update(`postgres salt:${role}`).digest().subarray(0, 16)
  try {
    await set(await verifierOf(password, salt))
  } catch (refused) {
    if (!refusesVerifiers(refused)) throw refused
    await set(password).catch((error: Error) => {
      error.cause = refused
      throw error
    })
  }
}

/** With which code differs: Neon and older checks of passwords say XX000, credcheck 28000; 0A000 and 22023 are what Postgres has for
 *  what a server does not do, or does not take. */
function refusesVerifiers(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return ['XX000', '28000', '0A000', '22023'].includes(code) && !isConcurrentUpdate(error)
}

async function grantMembership(admin: Sql, group: string, login: string): Promise<void> {
  const { rows } = await admin.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  )
  const options = rows[0]!.version >= 160000 ? 'with inherit true, set false' : ''
  await retryingConcurrentUpdate(() => admin.query(`grant ${quoteName(group)} to ${quoteName(login)} ${options}`))
}

async function ensureSchema(admin: Sql, module: string, owner: string, login: string): Promise<void> {
  const schema = quoteName(module)
  await admin.query(`create schema if not exists ${schema} authorization ${quoteName(owner)}`)
  await admin.query(`grant usage on schema ${schema} to ${quoteName(login)}`)
  for (const [what, rights] of [
    ['tables', 'select, insert, update, delete'],
    ['sequences', 'usage, select'],
    ['functions', 'execute'],
  ]) {
    await admin.query(
      `alter default privileges for role ${quoteName(owner)} in schema ${schema} grant ${rights} on ${what} to ${quoteName(login)}`,
    )
  }
  await admin.query(`alter default privileges for role ${quoteName(owner)} revoke execute on functions from public`)
}

/** Set on the role, not on the session: works the same through a pooler in transaction mode. */
async function limitRole(admin: Sql, login: string, schema: string): Promise<void> {
  const role = quoteName(login)
  await retryingConcurrentUpdate(() => admin.query(`alter role ${role} set search_path = ${quoteName(schema)}`))
  await retryingConcurrentUpdate(() => admin.query(`alter role ${role} set statement_timeout = '30s'`))
  await retryingConcurrentUpdate(() => admin.query(`alter role ${role} set lock_timeout = '10s'`))
  await retryingConcurrentUpdate(() =>
    admin.query(`alter role ${role} set idle_in_transaction_session_timeout = '60s'`),
  )
}

export async function retryingConcurrentUpdate(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run()
      return
    } catch (error) {
      if (!isConcurrentUpdate(error) || attempt >= 20) throw error
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 25 * attempt))
    }
  }
}

function isConcurrentUpdate(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string }
  return code === 'XX000' && message.includes('concurrently updated')
}

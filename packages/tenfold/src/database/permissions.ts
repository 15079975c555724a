/** What the platform may see of the server: its statistics, never the rows of modules. */
import { quoteName, retryingConcurrentUpdate, SYSTEM, type RoleMode } from './roles.ts'
import type { Sql } from './sql.ts'

/** Lets the platform's role read the statistics of all statements and sessions, where the administrator may allow that.
 *  On a server that does not let us, or that lacks `pg_stat_statements`, everything works, and the advisor says what it
 *  could not see. Modules see nothing of it. */
export async function allowStatistics(admin: Sql, role: string, mode: RoleMode): Promise<void> {
  const attempt = (text: string): Promise<boolean> =>
    retryingConcurrentUpdate(() => admin.query(text)).then(
      () => true,
      () => false,
    )
  // Which libraries are loaded is a secret of the server for some; then the extension itself is the sign.
  const { rows } = await admin.query<{ loaded: boolean; version: number; there: boolean }>(
    `select case when pg_has_role('pg_read_all_settings', 'usage')
                 then current_setting('shared_preload_libraries') like '%pg_stat_statements%'
                 else exists (select from pg_extension where extname = 'pg_stat_statements') end as loaded,
            current_setting('server_version_num')::int as version,
            exists (select from pg_extension where extname = 'pg_stat_statements') as there`,
  )
  const { loaded, version, there } = rows[0]!
  const name = quoteName(role)
  const schema = quoteName(SYSTEM)
  if (loaded && !there) {
    if (await attempt(`create extension if not exists pg_stat_statements schema ${schema}`)) {
      await attempt(`revoke all on ${schema}.pg_stat_statements, ${schema}.pg_stat_statements_info from public`)
      await attempt(`revoke all on function ${schema}.pg_stat_statements(boolean) from public`)
      await attempt(`revoke all on function ${schema}.pg_stat_statements_info() from public`)
    }
  }
  if (mode === 'shared') return
  await attempt(`grant pg_read_all_stats to ${name} ${version >= 160000 ? 'with inherit true, set false' : ''}`)
  if (loaded) {
    await attempt(`grant select on ${schema}.pg_stat_statements, ${schema}.pg_stat_statements_info to ${name}`)
    await attempt(`grant execute on function ${schema}.pg_stat_statements(boolean) to ${name}`)
    await attempt(`grant execute on function ${schema}.pg_stat_statements_info() to ${name}`)
  }
}

/** Asks `pg_stat_statements`, whose view `text` is given by its whole name: it is in the schema of whoever made it, and on
 *  nobody's search path. Undefined where statements are not counted, or we may not read of them.
 *  @example await queryStatements<{ calls: number }>(sql, (view) => `select sum(calls)::float8 as calls from ${view}`) */
export async function queryStatements<Row>(
  sql: Sql,
  text: (view: string) => string,
  values?: readonly unknown[],
): Promise<Row[] | undefined> {
  const { rows } = await sql.query<{ schema: string }>(
    `select quote_ident(n.nspname) as schema
       from pg_extension e join pg_namespace n on n.oid = e.extnamespace
       join pg_class c on c.relnamespace = n.oid and c.relname = 'pg_stat_statements'
      where e.extname = 'pg_stat_statements' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`,
  )
  if (!rows[0]) return undefined
  try {
    return (await sql.query<Row>(text(`${rows[0].schema}.pg_stat_statements`), values)).rows
  } catch (error) {
    // A database restored on a server that does not load the library has the view all the same.
    if ((error as { code?: string }).code === OBJECT_NOT_IN_PREREQUISITE_STATE) return undefined
    throw error
  }
}

const OBJECT_NOT_IN_PREREQUISITE_STATE = '55000'

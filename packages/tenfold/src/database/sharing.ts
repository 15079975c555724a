/** What ties a module's tables to those of others, in the database itself. */
import { rolesOf } from './roles.ts'
import type { Sql } from './sql.ts'

export interface SharedObject {
  /** `billing.balances` */
  object: string
  kind: 'table' | 'view' | 'foreign key'
  /** The module that reads it, or points to it. */
  with: string
}

/** Tables and views of the module that another module's role may use, and foreign keys from or to other schemas. Both work as
 *  long as all modules use one database. */
export async function readSharing(
  sql: Sql,
  app: string,
  module: string,
  others: readonly string[],
): Promise<SharedObject[]> {
  const roles = others.flatMap((other) => {
    const { login, owner } = rolesOf(app, other)
    return [[login, other] as const, [owner, other] as const]
  })
  const { rows } = await sql.query<SharedObject>(
    `with other as (select * from unnest($2::text[], $3::text[]) as o (role, module))
     select distinct n.nspname || '.' || c.relname as object, case when c.relkind in ('v', 'm') then 'view' else 'table' end as kind,
            other.module as "with"
       from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
       join pg_roles r on r.oid = a.grantee join other on other.role = r.rolname
      where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm')
     union
     select distinct f.conrelid::regclass::text || ' (' || f.conname || ')', 'foreign key',
            case when own.nspname = $1 then theirs.nspname else own.nspname end
       from pg_constraint f join pg_class a on a.oid = f.conrelid join pg_namespace own on own.oid = a.relnamespace
       join pg_class b on b.oid = f.confrelid join pg_namespace theirs on theirs.oid = b.relnamespace
      where f.contype = 'f' and own.nspname <> theirs.nspname and $1 in (own.nspname, theirs.nspname)
      order by 1, 2, 3`,
    [module, roles.map(([role]) => role), roles.map(([, other]) => other)],
  )
  return rows
}

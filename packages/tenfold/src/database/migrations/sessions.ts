/** The sessions of a migration run. The administrator's holds the lock and makes the roles; the files of a module run in one
 *  of their own, logged in as the owner of its schema, so that there is no role that a file could go back to. */
import pg from 'pg'
import { clientConfig, reasonOf } from '../connections.ts'
import { DatabaseUnreachable } from '../errors.ts'
import { passwordOf, quoteName, rolesOf, SYSTEM, type RoleMode } from '../roles.ts'
import type { Sql } from '../sql.ts'

interface Address {
  url: string
  app: string
  secretKey: string
}

export async function withAdmin<T>(
  { url, app }: Omit<Address, 'secretKey'>,
  fn: (admin: Sql) => Promise<T>,
): Promise<T> {
  const session = await open(url, undefined, app)
  try {
    return await fn(session.sql)
  } finally {
    await session.close()
  }
}

/** One session at a time: files are sorted by module, and each module is logged in once. */
export interface Owners {
  /** The session for the files of a module; the administrator's where all modules share one role. */
  of(module: string): Promise<Sql>
}

export async function withOwners<T>(
  { url, app, secretKey }: Address,
  admin: Sql,
  roleMode: RoleMode,
  fn: (owners: Owners) => Promise<T>,
): Promise<T> {
  let current: ({ owner: string } & Session) | undefined
  const of = async (module: string): Promise<Sql> => {
    if (roleMode === 'shared') return admin
    const { owner } = rolesOf(app, module.split('.', 1)[0]!)
    if (current?.owner === owner) return current.sql
    await current?.close()
    current = undefined
    current = { owner, ...(await open(url, { user: owner, password: passwordOf(secretKey, owner) }, app)) }
    return current.sql
  }
  try {
    return await fn({ of })
  } finally {
    await current?.close()
  }
}

interface Session {
  sql: Sql
  close(): Promise<void>
}

async function open(url: string, as: { user: string; password: string } | undefined, app: string): Promise<Session> {
  const config = clientConfig(url, as, `${app}/migrate`)
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {}) // the statement that was running reports it
  try {
    await client.connect()
  } catch (error) {
    throw DatabaseUnreachable({ host: `${config.host}:${config.port}`, reason: reasonOf(error) }, { cause: error })
  }
  return {
    sql: {
      async query(text, values = []) {
        // Without values: the simple protocol, which takes several statements at once.
        const result = values.length > 0 ? await client.query(text, values as unknown[]) : await client.query(text)
        return { rows: result.rows ?? [], rowCount: result.rowCount ?? 0 }
      },
    },
    close: () => client.end().catch(() => {}),
  }
}

/** What an owner may tell the runner's tables, in the transaction of its file: of its own schema, and nothing else. */
export const OWNERS_MAY_RECORD = `
  create or replace function tenfold.assert_owner(module text) returns void language plpgsql
    set search_path = pg_catalog, pg_temp as $$
  begin
    perform from pg_namespace where nspname = split_part(module, '.', 1) and pg_has_role(session_user, nspowner, 'usage');
    if not found then raise insufficient_privilege using message = session_user || ' does not own ' || module; end if;
  end $$;
  create or replace function tenfold.record_migration(module text, name text, checksum text, phase text, ms integer)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform tenfold.assert_owner(module);
    insert into tenfold.migration (module, name, checksum, phase, duration_ms) values (module, name, checksum, phase, ms);
  end $$;
  create or replace function tenfold.record_batch(module text, name text, last_key text[], seen bigint, changed bigint)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform tenfold.assert_owner(module);
    update tenfold.backfill b set last_key = record_batch.last_key, seen = b.seen + record_batch.seen,
           changed = b.changed + record_batch.changed, updated_at = now()
     where b.module = record_batch.module and b.name = record_batch.name;
  end $$;
  revoke all on function tenfold.assert_owner(text), tenfold.record_migration(text, text, text, text, integer),
    tenfold.record_batch(text, text, text[], bigint, bigint) from public`

/** Lets the owner of a module call them. */
export function letRecord(owner: string): string {
  const role = quoteName(owner)
  return `grant usage on schema ${SYSTEM} to ${role};
    grant execute on function tenfold.record_migration(text, text, text, text, integer),
      tenfold.record_batch(text, text, text[], bigint, bigint) to ${role}`
}

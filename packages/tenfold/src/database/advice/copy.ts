/** The tables of a database that no migrations of ours have made: their columns and keys, without rows and rules. */
import type pg from 'pg'
import { quoteName, quoteText } from '../roles.ts'

/** Statements that make what is in these schemas anew. Domains are what they are made of, and types that extensions bring are
 *  text: what is asked of such columns cannot be planned, all else can. */
export async function readTables(client: pg.Client, schemas: readonly string[]): Promise<string[]> {
  const enums = await client.query<{ schema: string; name: string; labels: string[] }>(
    `select n.nspname as schema, t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as labels
       from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
      where n.nspname = any($1) group by 1, 2`,
    [schemas],
  )
  const tables = await client.query<{ schema: string; name: string; columns: [name: string, type: string][] }>(
    `select n.nspname as schema, c.relname as name,
            json_agg(json_build_array(a.attname,
              case when coalesce(nullif(t.typbasetype, 0), t.oid) < 16384 and t.typtype = 'd'
                     then format_type(t.typbasetype, t.typtypmod)
                   when e.typtype = 'e' or e.oid < 16384 then format_type(t.oid, a.atttypmod)
                   else 'text' end
              || case when a.attnotnull then ' not null' else '' end) order by a.attnum) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       join pg_type t on t.oid = a.atttypid
       -- Of an array, what it is made of.
       join pg_type e on e.oid = coalesce(nullif(t.typelem, 0), t.oid)
      where c.relkind = 'r' and n.nspname = any($1) group by 1, 2`,
    [schemas],
  )
  const keys = await client.query<{ definition: string }>(
    `select pg_get_indexdef(i.indexrelid) as definition
       from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u') and k.conrelid = i.indrelid
      where c.relkind = 'r' and n.nspname = any($1)`,
    [schemas],
  )
  return [
    ...schemas.map((schema) => `create schema if not exists ${quoteName(schema)}`),
    ...enums.rows.map(
      ({ schema, name, labels }) =>
        `create type ${quoteName(schema)}.${quoteName(name)} as enum (${labels.map(quoteText).join(', ')})`,
    ),
    ...tables.rows.map(
      ({ schema, name, columns }) =>
        `create table ${quoteName(schema)}.${quoteName(name)} (${columns.map(([column, type]) => `${quoteName(column)} ${type}`).join(', ')})`,
    ),
    ...keys.rows.map(({ definition }) => definition),
  ]
}

/** The schemas in which somebody has tables of their own. */
export async function readSchemas(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ schema: string }>(
    `select distinct n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname <> 'tenfold' and n.nspname !~ '^(pg_|information_schema$)'`,
  )
  return rows.map(({ schema }) => schema)
}

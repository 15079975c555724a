import type pg from 'pg'

export interface TableStatistics {
  schema: string
  table: string
  pages: number
  tuples: number
  allVisible: number
  writes: number
  columns: Map<string, ColumnStatistics>
}

export interface ColumnStatistics {
  type: string
  width: number
  /** Everything that pg_restore_attribute_stats takes, by its argument. */
  restore: Record<string, string | number>
  common: string[]
  bounds: string[]
}

export interface IndexFacts {
  schema: string
  table: string
  name: string
  definition: string
  size: number
  pages: number
  tuples: number
  scans: number
  valid: boolean
  unique: boolean
  constraint: boolean
  method: string
  expressions: string
  predicate: string
  /** Column, operator class and direction of each part, ended by a comma. */
  key: string
  /** Numbers of the columns that it only carries. */
  included: string
  /** The mean width of an entry's columns; null where that is not known. */
  width: number | null
}

const TYPES: Record<string, string> = {
  null_frac: 'real',
  avg_width: 'integer',
  n_distinct: 'real',
  most_common_vals: 'text',
  most_common_freqs: 'real[]',
  histogram_bounds: 'text',
  correlation: 'real',
  most_common_elems: 'text',
  most_common_elem_freqs: 'real[]',
  elem_count_histogram: 'real[]',
}

export async function readStatistics(client: pg.Client, schemas: readonly string[]): Promise<TableStatistics[]> {
  const tables = await client.query<Omit<TableStatistics, 'columns'>>(
    `select n.nspname as schema, c.relname as table, c.relpages as pages, greatest(c.reltuples, 0)::float8 as tuples,
            c.relallvisible as "allVisible",
            coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)::float8 as writes
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       left join pg_stat_user_tables s on s.relid = c.oid
      where c.relkind = 'r' and n.nspname = any($1)`,
    [schemas],
  )
  const columns = await client.query<{
    schema: string
    table: string
    column: string
    type: string
    stats: Record<string, string | number> | null
    common: string[] | null
    bounds: string[] | null
  }>(
    `select n.nspname as schema, c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
            (select jsonb_strip_nulls(jsonb_build_object(${Object.keys(TYPES)
              .map(
                (name) =>
                  `'${name}', ${TYPES[name] === 'text' || TYPES[name] === 'real[]' ? `s.${name}::text` : `s.${name}`}`,
              )
              .join(
                ', ',
              )})) from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited) as stats,
            (select s.most_common_vals::text::text[] from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited) as common,
            (select s.histogram_bounds::text::text[] from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited) as bounds
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = any($1) and a.attnum > 0 and not a.attisdropped`,
    [schemas],
  )
  return tables.rows.map((table) => ({
    ...table,
    columns: new Map(
      columns.rows
        .filter((one) => one.schema === table.schema && one.table === table.table)
        .map(({ column, type, stats, common, bounds }) => [
          column,
          {
            type,
            width: Number(stats?.['avg_width'] ?? 8),
            restore: stats ?? {},
            common: common ?? [],
            bounds: bounds ?? [],
          },
        ]),
    ),
  }))
}

export async function restoreStatistics(
  client: pg.Client,
  { schema, table, ...facts }: TableStatistics,
): Promise<void> {
  await client.query(
    `select pg_restore_relation_stats('schemaname', $1::text, 'relname', $2::text, 'relpages', $3::integer, 'reltuples', $4::real, 'relallvisible', $5::integer)`,
    [schema, table, facts.pages, facts.tuples, facts.allVisible],
  )
  for (const [column, { restore }] of facts.columns) {
    const given = Object.entries(restore)
    if (given.length === 0) continue
    const args = given.map(([name], i) => `'${name}', $${i + 4}::${TYPES[name]}`).join(', ')
    await client.query(
      `select pg_restore_attribute_stats('schemaname', $1::text, 'relname', $2::text, 'attname', $3::text, 'inherited', false, ${args})`,
      [schema, table, column, ...given.map(([, value]) => value)],
    )
  }
}

export async function readIndexes(client: pg.Client, schemas: readonly string[]): Promise<IndexFacts[]> {
  const { rows } = await client.query<IndexFacts>(
    `select n.nspname as schema, t.relname as table, c.relname as name, pg_get_indexdef(c.oid) as definition,
            pg_relation_size(c.oid)::float8 as size, c.relpages as pages, greatest(c.reltuples, 0)::float8 as tuples, coalesce(s.idx_scan, 0)::float8 as scans, i.indisvalid as valid,
            i.indisunique as unique, exists (select from pg_constraint k where k.conindid = c.oid) as constraint,
            am.amname as method, coalesce(pg_get_expr(i.indexprs, i.indrelid), '') as expressions,
            coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate,
            array_to_string(array(select concat_ws(':', k, i.indclass[n - 1], i.indoption[n - 1])
              from unnest(i.indkey::int2[]) with ordinality as u (k, n) where n <= i.indnkeyatts order by n), ',') || ',' as key,
            array_to_string(array(select k from unnest(i.indkey::int2[]) with ordinality as u (k, n)
              where n > i.indnkeyatts order by k), ',') as included,
            (select case when bool_and(st.avg_width is not null) then sum(st.avg_width * (1 - st.null_frac)) end::float8
               from unnest(i.indkey::int2[]) k
               left join pg_attribute a on a.attrelid = t.oid and a.attnum = k
               left join pg_stats st on st.schemaname = n.nspname and st.tablename = t.relname and st.attname = a.attname and not st.inherited) as width
       from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid join pg_am am on am.oid = c.relam
       join pg_namespace n on n.oid = t.relnamespace left join pg_stat_user_indexes s on s.indexrelid = c.oid
      where n.nspname = any($1) and t.relkind = 'r'`,
    [schemas],
  )
  return rows
}

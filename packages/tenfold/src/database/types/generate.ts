/** TypeScript types of a module's tables, read from the migrated database: what `tenfold types` writes. */
import type { Sql } from '../sql.ts'

interface Column {
  table_name: string
  column_name: string
  /** The type's own name (`int8`, `_text`), or that of the base type of a domain. */
  type: string
  labels: string[] | null
  nullable: boolean
  generated: boolean
  always: boolean
}

const COLUMNS = `
  select c.relname as table_name, a.attname as column_name,
         case when t.typtype = 'd' then b.typname else t.typname end as type,
         (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e
           where e.enumtypid = coalesce(nullif(t.typelem, 0), t.oid)) as labels,
         not a.attnotnull as nullable,
         a.atthasdef or a.attidentity <> '' as generated,
         a.attidentity = 'a' or a.attgenerated <> '' as always
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1
    join pg_type t on t.oid = a.atttypid
    left join pg_type b on b.oid = t.typbasetype
   where a.attnum > 0 and not a.attisdropped
   order by c.relname, a.attnum`

/** How \`pg\` (as tenfold sets it up) gives each type back; see values.ts. */
const TYPES: Record<string, string> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  oid: 'number',
  float4: 'number',
  float8: 'number',
  numeric: 'string',
  timestamptz: 'Date',
  timestamp: 'Date',
  date: 'string',
  json: 'Json',
  jsonb: 'Json',
  bytea: 'Buffer',
}

/** What may be written in place of what is read. */
const WRITTEN: Record<string, string> = {
  numeric: 'string | number',
  timestamptz: 'Date | string',
  timestamp: 'Date | string',
}

/** The file for one schema; undefined if it has no tables. */
export async function generateTypes(sql: Sql, schema: string): Promise<string | undefined> {
  const { rows } = await sql.query<Column>(COLUMNS, [schema])
  if (rows.length === 0) return undefined
  const tables = Map.groupBy(rows, (row) => row.table_name)
  const name = `${pascal(schema)}Tables`
  const body = [...tables]
    .map(([table, columns]) => `  ${key(table)}: {\n${columns.map((c) => `    ${line(c)}\n`).join('')}  }\n`)
    .join('')
  const imports = ['ColumnType', 'Generated', 'GeneratedAlways', 'Json'].filter((one) =>
    new RegExp(`\\b${one}\\b`).test(body),
  )
  const from = imports.length > 0 ? `import type { ${imports.join(', ')} } from 'tenfold'\n\n` : ''
  return `// Made by \`tenfold types\` from the migrated database. Do not edit.\n${from}export interface ${name} {\n${body}}\n`
}

function line({ column_name, type, labels, nullable, generated, always }: Column): string {
  const element = type.replace(/^_/, '')
  const whole = (one: string): string => {
    const many = type.startsWith('_') ? (one.includes('|') ? `Array<${one}>` : `${one}[]`) : one
    return nullable ? `${many} | null` : many
  }
  const read = whole(
    labels ? labels.map((label) => `'${label.replaceAll("'", "\\'")}'`).join(' | ') : (TYPES[element] ?? 'string'),
  )
  return `${key(column_name)}: ${columnType(read, WRITTEN[element] && whole(WRITTEN[element]))}`

  function columnType(read: string, written: string | undefined): string {
    if (always) return `GeneratedAlways<${read}>`
    if (written) return `ColumnType<${read}, ${written}${generated ? ' | undefined' : ''}, ${written}>`
    return generated ? `Generated<${read}>` : read
  }
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name.replaceAll("'", "\\'")}'`
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

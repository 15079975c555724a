/** Migration files: `0001_what_it_does.sql`, in the folder of their module; the first lines say how compatible they are. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { BadMigrationFile } from '../errors.ts'

/** Where the migrations of one module are. */
export interface MigrationSource {
  /** The module's name, `<module>.<part>` for what a part of it brings along, or `tenfold.<capability>`. */
  module: string
  /** The schema that they work in. */
  schema: string
  /** Undefined or absent on disk: the module has none. */
  directory: URL | string
}

export type Phase = 'expand' | 'backfill' | 'contract'

export interface MigrationFile {
  module: string
  schema: string
  /** File name without `.sql`. */
  name: string
  file: string
  sql: string
  checksum: string
  /** expand: old and new code run on it. backfill: changes rows, in batches. contract: only new code runs on it. */
  phase: Phase
  /** False for what Postgres refuses inside one, such as `create index concurrently`: `--! transaction: none`. */
  transactional: boolean
  /** Of a backfill: the table whose rows it goes through. */
  backfill?: { table: string; batch: number }
  /** What the file does although a rule speaks against it: `--! allow: <code> <reason>`. */
  allows: { code: string; reason: string }[]
}

const NAME = /^\d{4}_[a-z0-9_]+\.sql$/

export async function readMigrations(source: MigrationSource): Promise<MigrationFile[]> {
  const directory = source.directory instanceof URL ? fileURLToPath(source.directory) : source.directory
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const files = entries.filter((entry) => entry.endsWith('.sql')).sort()
  const migrations = await Promise.all(files.map((entry) => readMigration(source, join(directory, entry), entry)))
  const numbers = migrations.map((migration) => migration.name.slice(0, 4))
  const twice = numbers.find((number, i) => numbers.indexOf(number) !== i)
  if (twice) throw BadMigrationFile({ file: `${source.module}/${twice}_…`, reason: 'two files have this number' })
  return migrations
}

async function readMigration(source: MigrationSource, file: string, entry: string): Promise<MigrationFile> {
  if (!NAME.test(entry))
    throw BadMigrationFile({ file: entry, reason: 'its name is not of the form 0001_what_it_does.sql' })
  const sql = await readFile(file, 'utf8')
  const lines = headerOf(sql)
  const header = new Map(lines)
  const phase = header.get('phase')
  if (phase !== 'expand' && phase !== 'backfill' && phase !== 'contract') {
    throw BadMigrationFile({ file: entry, reason: `its phase is '${phase ?? 'missing'}'` })
  }
  const backfill = phase === 'backfill' ? backfillOf(entry, header) : undefined
  return {
    module: source.module,
    schema: source.schema,
    name: entry.slice(0, -'.sql'.length),
    file,
    sql,
    checksum: createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex'),
    phase,
    transactional: header.get('transaction') !== 'none',
    ...(backfill && { backfill }),
    allows: lines.filter(([key]) => key === 'allow').map(([, value]) => allowed(entry, value)),
  }
}

function backfillOf(file: string, header: Map<string, string>): { table: string; batch: number } {
  const table = header.get('table')
  if (!table) {
    throw BadMigrationFile({ file, reason: 'a backfill says which table it goes through: `--! table: orders`' })
  }
  const batch = Number(header.get('batch') ?? 1000)
  if (!Number.isInteger(batch) || batch < 1) {
    throw BadMigrationFile({ file, reason: `its batch is '${header.get('batch')}', which is no number of rows` })
  }
  return { table, batch }
}

function allowed(file: string, value: string): { code: string; reason: string } {
  const [code = '', ...reason] = value.split(/\s+/)
  if (reason.length === 0) {
    throw BadMigrationFile({
      file,
      reason: `it allows ${code} without a reason: \`--! allow: ${code} why it is safe here\``,
    })
  }
  return { code, reason: reason.join(' ') }
}

/** The `--! key: value` lines at the top of the file. */
function headerOf(sql: string): [key: string, value: string][] {
  const lines = sql.split('\n')
  const end = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('--'))
  const header = lines.slice(0, end < 0 ? lines.length : end)
  return header.flatMap((line) => {
    const match = /^--!\s*([a-z]+)\s*:\s*(.+?)\s*$/.exec(line)
    return match ? [[match[1]!, match[2]!]] : []
  })
}

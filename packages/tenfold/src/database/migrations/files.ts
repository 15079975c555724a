/** Migration files: `0001_what_it_does.sql`, in the folder of their module; the first lines say how compatible they are. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { BadMigrationFile } from '../errors.ts'

/** Where the migrations of one module are. */
export interface MigrationSource {
  /** The module's name, or `tenfold.<capability>` for the platform's own. */
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
  /** expand: old and new code run on it. contract: only new code does. */
  phase: Phase
  /** False for what Postgres refuses inside one, such as `create index concurrently`: `--! transaction: none`. */
  transactional: boolean
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
  const header = headerOf(sql)
  const phase = header.get('phase')
  if (phase !== 'expand' && phase !== 'backfill' && phase !== 'contract') {
    throw BadMigrationFile({ file: entry, reason: `its phase is '${phase ?? 'missing'}'` })
  }
  return {
    module: source.module,
    schema: source.schema,
    name: entry.slice(0, -'.sql'.length),
    file,
    sql,
    checksum: createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex'),
    phase,
    transactional: header.get('transaction') !== 'none',
  }
}

/** The `--! key: value` lines at the top of the file. */
function headerOf(sql: string): Map<string, string> {
  const lines = sql.split('\n')
  const end = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('--'))
  const header = lines.slice(0, end < 0 ? lines.length : end)
  return new Map(
    header.flatMap((line) => {
      const match = /^--!\s*([a-z]+)\s*:\s*(.+?)\s*$/.exec(line)
      return match ? [[match[1]!, match[2]!] as const] : []
    }),
  )
}

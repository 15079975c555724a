/** The tables of parts: made when somebody says so, as the user of the address, in the schema `tenfold`. */
import { migrate, readMigrations, type MigrationSource, type SystemDatabase } from '../database/index.ts'
import { messageOf } from '../kernel/index.ts'
import { PartTablesMissing, PartTablesRefused } from './errors.ts'

export interface Wanted {
  /** For messages: `queue`. */
  part: string
  /** Past the pooler. */
  url: string
  name: string
  sources: readonly MigrationSource[]
}

/** Makes what is missing where that was asked for; throws TF_PART_TABLES_MISSING otherwise. Where nothing is missing it takes
 *  one query, and no right to create anything. */
export async function ensureTables(wanted: Wanted, db: SystemDatabase, mayMigrate: boolean): Promise<void> {
  const pending = await refusing(wanted.part, () => pendingOf(wanted.sources, db))
  if (pending.length === 0) return
  if (!mayMigrate) throw PartTablesMissing({ part: wanted.part, pending })
  await makeTables(wanted)
}

/** Applies what is missing, one process at a time; gives the files that it applied. */
export async function makeTables({ part, url, name, sources }: Wanted): Promise<string[]> {
  return refusing(part, async () => {
    const { applied } = await migrate({ url, app: name, secretKey: '', sources, roleMode: 'shared' })
    return applied
  })
}

async function refusing<T>(part: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isRefusal(error)) throw PartTablesRefused({ part, reason: messageOf(error) }, { cause: error })
    throw error
  }
}

async function pendingOf(sources: readonly MigrationSource[], db: SystemDatabase): Promise<string[]> {
  const applied = await appliedIn(db)
  // Made before the first file, for whatever part.
  if (!applied) return ['the schema tenfold']
  const files = (await Promise.all(sources.map(readMigrations))).flat().map(({ module, name }) => `${module}/${name}`)
  return files.filter((file) => !applied.has(file))
}

async function appliedIn(db: SystemDatabase): Promise<ReadonlySet<string> | undefined> {
  try {
    const { rows } = await db.query<{ file: string }>(`select module || '/' || name as file from tenfold.migration`)
    return new Set(rows.map(({ file }) => file))
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return undefined
    throw error
  }
}

const UNDEFINED_TABLE = '42P01'
const INSUFFICIENT_PRIVILEGE = '42501'

function isRefusal(error: unknown): boolean {
  return [codeOf(error), codeOf((error as Error).cause)].includes(INSUFFICIENT_PRIVILEGE)
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code
}

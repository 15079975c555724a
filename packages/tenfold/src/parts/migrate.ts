import { migrations as cache } from '../cache/index.ts'
import { quoteName, type MigrationSource } from '../database/index.ts'
import { migrations as limits } from '../limits/index.ts'
import { migrations as queue } from '../queue/index.ts'
import { migrations as sessions } from '../sessions/index.ts'
import { openGround } from './ground.ts'
import { makeTables } from './tables.ts'

export type PartName = 'queue' | 'cache' | 'limits' | 'sessions'

const SOURCES: Readonly<Record<PartName, MigrationSource>> = { queue, cache, limits, sessions }

export interface MigrateOptions {
  /** Of a user that may create the schema `tenfold`, or owns it. No pooler. */
  url: string
  /** Whose tables. None for what replicas need alone. */
  parts: readonly PartName[]
  /** The user that the app logs in as, where that is another one: it may use the tables, and not change them. */
  grantTo?: string
}

/** Makes the tables of parts, as a step of a deployment: once for each release, before its processes start. Nothing happens where
 *  all are there. Gives what it applied.
 *  @example
 *  await migrate({ url: process.env.ADMIN_DATABASE_URL!, parts: ['queue', 'sessions'], grantTo: 'app' }) */
export async function migrate({ url, parts, grantTo }: MigrateOptions): Promise<{ applied: string[] }> {
  const ground = await openGround('database', { url, maxConnections: 1 })
  try {
    const sources = parts.map((part) => SOURCES[part])
    const applied = await makeTables({ part: parts.join(', tenfold/') || 'database', url, name: 'app', sources })
    if (grantTo !== undefined) for (const grant of grantsFor(grantTo)) await ground.db.query(grant)
    return { applied }
  } finally {
    await ground.close()
  }
}

function grantsFor(user: string): string[] {
  const name = quoteName(user)
  return [
    `grant usage on schema tenfold to ${name}`,
    `grant select, insert, update, delete on all tables in schema tenfold to ${name}`,
    `grant usage, select on all sequences in schema tenfold to ${name}`,
    `grant execute on all functions in schema tenfold to ${name}`,
    // What the queue makes while it runs (a table for each day of history) belongs to whoever made its functions.
    `alter default privileges in schema tenfold grant select, insert, update, delete on tables to ${name}`,
  ]
}

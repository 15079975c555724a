/** Ring 2: Postgres. Connections under one budget, typed queries per module, transactions, migrations, roles. */
export { createDb, type AnyTx, type Db, type Json, type Queries, type Tx } from './db.ts'
export type { Direct } from './direct.ts'
export * from './errors.ts'
export { generateTypes } from './types/generate.ts'
export {
  migrate,
  migrationStatus,
  pendingInUse,
  refuseDamage,
  refuseDamageToStart,
  type MigrateOptions,
  type MigrationState,
} from './migrations/runner.ts'
export type { BackfillProgress } from './migrations/backfill.ts'
export { readMigrations, type MigrationFile, type MigrationSource, type Phase } from './migrations/files.ts'
export {
  callSiteOf,
  createRepeatWatch,
  createReport,
  isDatabaseFinding,
  placeOf,
  tell,
  wordsOf,
  type CallSite,
  type DatabaseFinding,
  type NPlusOne,
  type PlacedFinding,
  type RepeatRead,
  type RepeatWatch,
  type Words,
} from './nplus1/index.ts'
export { createFingerprint, withoutLiterals } from './fingerprint.ts'
export { observeConnections, openDatabase, type Database, type DatabaseOptions } from './open.ts'
export { queryStatements } from './permissions.ts'
export { poolerSettings, type PoolerOptions, type PoolerSettings } from './pooler/index.ts'
export { reachDatabase, type Reach } from './reach.ts'
export type { Positions, ReadAt, ReplicaInfo } from './replicas/index.ts'
export { groupOf, isPlatform, passwordOf, quoteName, rolesOf, type RoleMode } from './roles.ts'
export { readSharing, type SharedObject } from './sharing.ts'
export type { Result, Sql, SqlTransaction, SystemDatabase } from './sql.ts'
export { openTransactions, type TransactionOptions } from './transaction.ts'

import { defineError } from '../kernel/index.ts'

export const PoolExhausted = defineError('TF_POOL_EXHAUSTED', {
  status: 503,
  says: (e: { role: string; waitedMs: number; max: number }) =>
    `No database connection came free for '${e.role}' within ${e.waitedMs} ms (all ${e.max} are in use).`,
  fix: 'Look for transactions that wait for something else than the database; then raise `database.connections` in tenfold.config.ts.',
})

export const DatabaseUnreachable = defineError('TF_DATABASE_UNREACHABLE', {
  status: 503,
  says: (e: { host: string; reason: string }) => `The database at ${e.host} cannot be reached: ${e.reason}`,
  fix: 'Check DATABASE_URL (host, port, user, password) and that the server runs and accepts connections from here.',
})

export const DatabaseLost = defineError('TF_DATABASE_LOST', {
  status: 503,
  says: (e: { reason: string }) => `The connection to the database broke while it ran a statement: ${e.reason}`,
  fix: 'Try again: connections come back by themselves. Whether the statement was carried out is not known, so repeat only what may be.',
})

export const DatabaseFull = defineError('TF_DATABASE_FULL', {
  status: 503,
  says: (e: { reason: string }) => `The database has no room left on its disk: ${e.reason}`,
  fix: 'Make room on the disk of the database; nothing was written. See what is large: `select pg_size_pretty(pg_database_size(current_database()))`.',
})

export const TransactionClosed = defineError('TF_TRANSACTION_CLOSED', {
  says: () => 'A transaction was used after it had ended.',
  fix: 'Await every query inside the function given to `db.transaction`; do not keep `tx` for later.',
})

export const TransactionAborted = defineError('TF_TRANSACTION_ABORTED', {
  says: () => 'A transaction was committed after one of its statements had failed: Postgres rolled all of it back.',
  fix: 'Let the error of the failed statement reach the end of the function, or use `on conflict` instead of catching it.',
})

export const NestedTransaction = defineError('TF_NESTED_TRANSACTION', {
  says: (e: { role: string }) =>
    `'${e.role}' began a transaction while another of its transactions was open in the same flow.`,
  fix: 'Pass `tx` on to the inner function and use it there; a second transaction would wait for the first one for ever.',
})

export const MigrationChanged = defineError('TF_MIGRATION_CHANGED', {
  says: (e: { module: string; name: string }) =>
    `Migration ${e.module}/${e.name} was changed after it had been applied.`,
  fix: 'Put the file back as it was (git log shows it) and write a new migration for the change. In development the database may also begin anew: stop the app and delete `.tenfold/postgres`.',
})

export const MigrationMissing = defineError('TF_MIGRATION_MISSING', {
  says: (e: { module: string; name: string }) =>
    `Migration ${e.module}/${e.name} has been applied to this database, but its file is not here.`,
  fix: 'Deploy the release that has the file, or put the file back; an applied migration is never deleted. In development the database may also begin anew: stop the app and delete `.tenfold/postgres`.',
})

export const MigrationUnwritten = defineError('TF_MIGRATION_UNWRITTEN', {
  says: (e: { module: string; name: string }) => `Migration ${e.module}/${e.name} has no statement yet.`,
  fix: 'Write what it changes, or delete the file. Nothing was applied.',
})

export const MigrationFailed = defineError('TF_MIGRATION_FAILED', {
  says: (e: { module: string; name: string; reason: string; line?: number }) =>
    `Migration ${e.module}/${e.name} failed${e.line ? ` at line ${e.line}` : ''}: ${e.reason}`,
  fix: 'Nothing of this file was kept. Correct it and run `tenfold migrate up` again.',
})

export const MigrationsPending = defineError('TF_MIGRATIONS_PENDING', {
  says: (e: { pending: string[] }) =>
    `The database lacks ${e.pending.length} migration(s): ${e.pending.slice(0, 5).join(', ')}.`,
  fix: 'Run `tenfold migrate up` (once per release, before the new instances start), or start with `--migrate`.',
})

export const MigrationLocked = defineError('TF_MIGRATION_LOCKED', {
  says: (e: { waitedMs: number }) =>
    `Another process has been migrating this database for the ${e.waitedMs} ms that we waited.`,
  fix: 'Wait until it has finished, then run `tenfold migrate status`.',
})

export const MigrationRoles = defineError('TF_MIGRATION_ROLES', {
  says: () =>
    'This database belongs to an app whose modules have roles of their own: tables made without them would be out of reach.',
  fix: 'Migrate it with that app (`tenfold migrate up`), which brings the tables of all parts; then open the part without `migrate`.',
})

export const BadMigrationFile = defineError('TF_BAD_MIGRATION_FILE', {
  says: (e: { file: string; reason: string }) => `Migration file ${e.file} cannot be used: ${e.reason}`,
  fix: 'Name it `0001_what_it_does.sql` and begin it with `--! phase: expand` (or backfill, or contract).',
})

export const ReplicaLost = defineError('TF_REPLICA_LOST', {
  status: 503,
  says: (e: { replica: string; reason: string }) => `The database replica '${e.replica}' was lost: ${e.reason}`,
  fix: 'Nothing, as a rule: its reads go to the primary until it is back. Look at the replica, and at DATABASE_REPLICA_URLS.',
})

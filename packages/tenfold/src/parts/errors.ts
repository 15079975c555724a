import { defineError } from '../kernel/index.ts'

export const PartWithoutDatabase = defineError('TF_PART_WITHOUT_DATABASE', {
  says: (e: { part: string; given: string }) => `tenfold/${e.part} was opened without an address (${e.given}).`,
  fix: 'Give `url` (postgres://…), or `database` as openDatabase of tenfold/database made it. Is the variable set in this process?',
})

export const PartTablesMissing = defineError('TF_PART_TABLES_MISSING', {
  says: (e: { part: string; pending: readonly string[] }) =>
    `The database lacks what tenfold/${e.part} keeps there: ${e.pending.join(', ')}.`,
  fix: 'Open it with `migrate: true`, or call `migrate({ url, parts })` of tenfold/database once for each release, before the new processes start.',
})

export const PartTablesRefused = defineError('TF_PART_TABLES_REFUSED', {
  says: (e: { part: string; reason: string }) => `The tables of tenfold/${e.part} cannot be made or used: ${e.reason}`,
  fix: 'Let an administrator run `create schema tenfold authorization <user>`, with the user of this address; or migrate as a user that may, with `grantTo` for the one that the app logs in as.',
})

export const NotATransaction = defineError('TF_NOT_A_TRANSACTION', {
  says: (e: { what: string; given: string }) => `\`tx\` of ${e.what} is ${e.given}, and no open transaction.`,
  fix: 'Give the client that has run BEGIN, the `trx` of Kysely, the `sql` of postgres.js within `begin`; or leave `tx` out.',
})

export const JobTwice = defineError('TF_JOB_TWICE', {
  says: (e: { name: string }) => `A job named '${e.name}' is defined already on this queue.`,
  fix: 'Define each job once, in one module, and import it from there; or give it another name.',
})

/** Ring 4: backups of the database, kept in storage, and proven by restoring them. */
export type * from './backup.ts'
export * from './errors.ts'
export { parseKeep } from './keep.ts'
export { openBackups, type BackupsOptions } from './open.ts'

/** Ring 3: what happens at its time, once, on any number of processes. */
import type { MigrationSource } from '../database/index.ts'

export { jobNameOf } from './cron.ts'
export type * from './cron.ts'
export * from './errors.ts'
export { openCron, type CronOptions } from './open.ts'
export { timetableOf, type Timetable } from './timetable.ts'
export { describeSchedule } from './words.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.cron',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

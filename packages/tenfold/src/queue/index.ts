/** Ring 3: work off the request path: jobs, and events between modules. */
import type { MigrationSource } from '../database/index.ts'

export { giveUp, retryAfter } from './control.ts'
export {
  checkInput,
  factsOf,
  newJob,
  policyOf,
  retriesOf,
  type AnyJobSettings,
  type EnqueueOptions,
  type JobFacts,
  type JobSettings,
  type UniqueJob,
} from './definition.ts'
export * from './errors.ts'
export { openEngines, openQueue, type Engine, type EnginesOptions, type QueueOptions } from './open.ts'
export { nextDue, passTime } from './postgres/pass.ts'
export { REDIS_CANNOT, REDIS_DEPENDS } from './redis/cannot.ts'
export type * from './queue.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.queue',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

import type { MigrationSource } from '../database/index.ts'
import { migrations as alerts } from '../alerts/index.ts'
import { migrations as evidence } from '../evidence/index.ts'
import { migrations as analytics } from '../analytics/index.ts'
import { migrations as cache } from '../cache/index.ts'
import { migrations as inspect } from '../inspect/index.ts'
import { migrations as cron } from '../cron/index.ts'
import { migrations as limits } from '../limits/index.ts'
import { migrations as mail } from '../mail/index.ts'
import { migrations as pubsub } from '../pubsub/index.ts'
import { migrations as queue } from '../queue/index.ts'
import { migrations as sessions } from '../sessions/index.ts'
import type { App } from './define.ts'

/** What the migrations of an app are applied to. */
export interface MigrationTarget {
  /** An administrator's address, past any pooler. */
  url: string
  app: string
  secretKey: string
  sources: MigrationSource[]
}

/** All migrations of an app, in the order in which they are applied: the platform's own, then each module's, after those
 *  that its parts bring along. */
export function migrationsOf(app: Pick<App, 'modules'>): MigrationSource[] {
  const own = app.modules.flatMap((module) => [
    ...module.parts
      .filter((part) => part.kind === 'migrations')
      .map(({ name, directory }) => ({ module: name, schema: module.name, directory })),
    {
      module: module.name,
      schema: module.name,
      directory: module.migrations ?? new URL('./none/', import.meta.url),
    },
  ])
  return [queue, cron, sessions, limits, cache, mail, inspect, analytics, evidence, alerts, pubsub, ...own]
}

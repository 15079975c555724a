import type { SystemDatabase } from '../database/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Analytics } from './analytics.ts'
import { openPostgresAnalytics } from './postgres/index.ts'

export interface AnalyticsOptions {
  db: SystemDatabase
  telemetry: Pick<Telemetry, 'metrics' | 'log'>
  /** Of days, weeks and months in reports, as `Europe/Berlin`. Defaults to `UTC`. */
  timeZone?: string
  /** Whole months that events are kept. Defaults to 13. */
  keepMonths?: number
  clock?: Clock
}

/** Product analytics in the app's own Postgres.
 *  @example
 *  const analytics = openAnalytics({ db: database.system, telemetry })
 *  await analytics.track([{ name: 'signed up', who: { user: '7' } }]) */
export function openAnalytics(options: AnalyticsOptions): Analytics {
  return openPostgresAnalytics({ timeZone: 'UTC', keepMonths: 13, clock: systemClock, ...options })
}

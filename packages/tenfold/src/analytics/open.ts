import type { SystemDatabase } from '../database/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Analytics } from './analytics.ts'
import { openClickHouse } from './clickhouse/clickhouse.ts'
import { withColumns } from './columns/index.ts'
import { openDuckDb } from './duckdb/duckdb.ts'
import { openPostgresAnalytics } from './postgres/index.ts'

export interface AnalyticsOptions {
  db: SystemDatabase
  telemetry: Pick<Telemetry, 'metrics' | 'log'>
  /** Of days, weeks and months in reports, as `Europe/Berlin`. Defaults to `UTC`. */
  timeZone?: string
  /** Whole months that events are kept. Defaults to 13. */
  keepMonths?: number
  /** A copy of the events by columns that funnels, trends and the like are answered from: `duckdb:<file>`, or the address of
   *  a ClickHouse, `http://user:password@host:8123/database`. Defaults to none. */
  columns?: string
  clock?: Clock
}

const DUCKDB = 'duckdb:'

/** Product analytics in the app's own Postgres, and where that is asked for with a copy by columns.
 *  @example
 *  const analytics = openAnalytics({ db: database.system, telemetry })
 *  await analytics.track([{ name: 'signed up', who: { user: '7' } }]) */
export function openAnalytics({ columns, ...options }: AnalyticsOptions): Analytics {
  const settings = { timeZone: 'UTC', keepMonths: 13, clock: systemClock, ...options }
  const postgres = openPostgresAnalytics(settings)
  if (columns === undefined) return postgres
  const alone = columns.startsWith(DUCKDB)
  const open = alone ? () => openDuckDb(columns.slice(DUCKDB.length)) : () => openClickHouse(columns)
  return withColumns(postgres, { ...settings, open, alone })
}

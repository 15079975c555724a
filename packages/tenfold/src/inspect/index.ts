/** Ring 4: what happened in the recent past, kept in Postgres, and asked by the console and the CLI. */
import type { MigrationSource } from '../database/index.ts'

export type * from './api.ts'
export { createStore, type Store, type StoreOptions, type StoreStats } from './store.ts'
export type { StoreSettings } from './settings.ts'
export { readBusiness, type BusinessMetric, type DeclaredMetric } from './business.ts'
export { CACHE_METRICS, type CacheRow, type CachesView } from './caches.ts'
export type { HeatView } from './heat.ts'
export { LIMIT_METRICS, type LimitRow, type LimitsView } from './limits.ts'
export { createFleetLevel, type FleetLevel, type LevelView } from './level.ts'
export { createInspector, type Inspector, type InspectorOptions } from './inspector.ts'
export type * from './sources.ts'
export type { LoadRuns, LoadRunView } from './load.ts'
export type { TwinFindingView, TwinRunView } from './twin.ts'
export { repeatsOf } from './repeats.ts'
export { readDays, type DayOfRequests } from './history.ts'
export { readHours, type HoursOf } from './postgres/hours.ts'
export { readStatements, type ReleasedStatements } from './postgres/statements.ts'
export { readMetric, readMetricByTime, type MetricSeries, type MetricSlot } from './postgres/metrics.ts'
export { operationsByName, operationsByTime, spanOf } from './postgres/operations.ts'
export { readCalls, type RecordedCalls } from './postgres/calls.ts'
export { readDemand, type RecordedDemand } from './postgres/demand.ts'
export { readWorkload, type RecordedQuery } from './postgres/workload.ts'
export { BadStoreSetting, InspectNotBound } from './errors.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.inspect',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

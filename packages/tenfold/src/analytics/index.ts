/** Ring 4: what people do in the product, and what that means: funnels, retention, activity. */
import type { MigrationSource } from '../database/index.ts'

export type * from './analytics.ts'
export { createReceive, type BrowserOptions, type BrowserReply, type Receive } from './browser/receive.ts'
export { openAnalytics, type AnalyticsOptions } from './open.ts'
export {
  AnalyticsBusy,
  AnalyticsEventInvalid,
  AnalyticsNames,
  AnalyticsQueryInvalid,
  AnalyticsTooMany,
} from './errors.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.analytics',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

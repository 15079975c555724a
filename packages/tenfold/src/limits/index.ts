/** Ring 3: rate limits. Who asks too often is refused, however many instances there are to ask. */
export { networkOf } from './address.ts'
export { LimitCost, LimitName, LimitWindowInvalid } from './errors.ts'
export { headersOf, policyOf, retrySecondsOf, type Policy } from './headers.ts'
export type { Decision, Limiter, LimiterOptions, Limits, LimitWindow } from './limits.ts'
export { openLimits, type LimitsOptions } from './open.ts'

/** The tables of the Postgres backend. */
export const migrations = {
  module: 'tenfold.limits',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

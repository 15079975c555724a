/** PgBouncer before Postgres: recognising it, and settings for it. */
export { adviseOnPooler, type PoolerAdvice } from './advice.ts'
export { detectPooler, type PoolerFacts, type PoolerMode } from './detect.ts'
export { poolerSettings, poolSizes, type PoolerOptions, type PoolerSettings } from './ini.ts'

export { describeAnalyticsContract, type AnalyticsBackend } from './contract.ts'
export { holdTransaction } from './held.ts'

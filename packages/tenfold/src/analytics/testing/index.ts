export { describeAnalyticsContract, type AnalyticsBackend } from './contract.ts'

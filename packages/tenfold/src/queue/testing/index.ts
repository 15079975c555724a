export { describeQueueContract, type QueuePromise } from './contract.ts'
export type { QueueBackend } from './harness.ts'

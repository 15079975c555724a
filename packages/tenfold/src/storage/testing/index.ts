/** The contract suite of storage: run by every backend. */
export { describeStorageContract, type StorageBackend } from './contract.ts'
export { startTestS3, type TestS3 } from './s3-server.ts'

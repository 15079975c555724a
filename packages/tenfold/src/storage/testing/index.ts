/** The contract suite of storage: run by every backend. */
export { describeStorageContract, type StorageBackend } from './contract.ts'

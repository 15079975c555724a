/** The contract suite of caches: run by every backend. */
export { describeCacheContract, type CacheBackend } from './contract.ts'

/** The contract suite of rate limits: run by every backend. */
export { describeLimitsContract, type LimitsBackend } from './contract.ts'

/** The contract suite of sessions: run by every backend. */
export { describeSessionsContract, type SessionsBackend } from './contract.ts'

/** Claims have commands: `bench/` holds what we say about speed, `proofs/` what we say about behaviour.
 *  Both are run by the same runner, print a table for people and one JSON object for programs. */
export type { Claim, Claims, ClaimsOptions, FullReport, Report, Row } from './report.ts'
export { runClaims } from './run.ts'
export { installPeers, type Peers } from './peers.ts'

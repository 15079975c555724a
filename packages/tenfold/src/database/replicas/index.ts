/** Reads from replicas that never miss the reader's own writes. */
export { createPlainReads } from './plain.ts'
export { openReplicas, type Replicas, type ReplicaInfo } from './open.ts'
export type { Positions, ReadAt } from './positions.ts'
export type { Routing } from './routing.ts'

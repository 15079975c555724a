/** Advises indexes. Loaded by commands only: no running app reads this. */
export { adviseIndexes, type AdviseOptions } from './advise.ts'
export type { Advice, ProposedIndex, SuperfluousIndex, WorkloadQuery } from './advice.ts'

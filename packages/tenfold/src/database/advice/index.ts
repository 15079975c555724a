/** Advises indexes. Loaded when somebody asks for advice. */
export { adviseIndexes, type AdviseOptions } from './advise.ts'
export type { Advice, ProposedIndex, SuperfluousIndex, WorkloadQuery } from './advice.ts'

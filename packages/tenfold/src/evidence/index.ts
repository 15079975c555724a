/** Ring 4: what a verdict is made of, gathered from all processes, the database and the machines. */
import type { MigrationSource } from '../database/index.ts'

export type * from './evidence.ts'
export { createRecorder, type RecorderOptions } from './recorder.ts'
export { gatherEvidence, type GatherOptions } from './gather.ts'
export { findShifts, type Series } from './regressions.ts'
export { readEvidence } from './read.ts'
export { EVIDENCE_SCHEMA } from './shape.ts'
export { endAdvice, endedAdvice, keepAdvice, openAdvice, type KeptAdvice } from './postgres/advice.ts'
export { NotEvidence } from './errors.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.evidence',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

/** Judges migrations before they are applied. Loaded by commands only: no running app reads this. */
export { checkMigrations, refusals, type CheckOptions, type CheckResult } from './check.ts'
export { findSquawk } from './squawk.ts'
export { openScratch, type Scratch } from './scratch.ts'
export { explain, REPLAY_WORDS, WORDS } from './words.ts'
export type { Finding, Gate, RecordedStatement } from './safety.ts'

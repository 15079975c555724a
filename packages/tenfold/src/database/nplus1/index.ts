/** N+1 queries, found by where their keys come from. Its parts, in the order in which they work:
 *
 *    watch     hangs on the statements of a context ─> record    keeps references, bounded
 *    judge     at the end of the context: the rule  ─> anatomy   where a statement holds values
 *                                                   ─> provenance   which earlier result had them
 *    findings  what was found, as data              ─> words     and what people read */
export {
  isDatabaseFinding,
  placeOf,
  type CallSite,
  type DatabaseFinding,
  type NPlusOne,
  type Origin,
  type PlacedFinding,
  type RepeatRead,
} from './findings.ts'
export { createRepeatWatch, type RepeatWatch } from './watch.ts'
export { callSiteOf } from './callsite.ts'
export { createReport } from './report.ts'
export { tell, wordsOf, type Words } from './words.ts'
export type { Occurrence } from './record.ts'

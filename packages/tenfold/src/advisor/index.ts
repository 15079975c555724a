/** Ring 5: evidence in, verdict out. Nothing here reads a clock, a file or a network, but `live.ts`. */
export type * from './verdict.ts'
export { advise, type AdviseOptions } from './advise.ts'
export { adviceOf, outcomeOf, type Advice } from './outcomes.ts'
export { viewOf, type AdviceView } from './view.ts'
export { describeFinding, headline, type FindingWords } from './words/index.ts'
export { adviseLive, createAdvice } from './live.ts'
export { alertsOf, type AdviceAlert } from './alert.ts'

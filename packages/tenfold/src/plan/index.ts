/** Ring 5: what an app would do on machines that it does not run on. */
export type * from './plan.ts'
export { demandsFrom, type Seen } from './demands.ts'
export { predict, predictClosed } from './predict.ts'
export { DEFAULT_PRICES, type Prices } from './prices.ts'
export { planPage } from './report.ts'
export { curveOf, type Settings } from './search.ts'
export { answer, CURVE_HEADS, needs, rowsOfCurve, wordsOfAnswer, wordsOfNeeds, wordsOfQueries } from './words.ts'

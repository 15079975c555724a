/** Ring 5: what an app would do on machines that it does not run on. */
export type * from './plan.ts'
export { predict, predictClosed } from './predict.ts'

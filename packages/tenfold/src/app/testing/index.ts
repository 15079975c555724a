/** For tests of apps that run in parts. */
export { startFront, type Front } from './front.ts'
export { startTwo } from './two.ts'

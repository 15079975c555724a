/** Ring 7: looks at an app that is not made with tenfold, without a change of its code. Its other door, which acts when it is
 *  imported, is preload.program.ts: `node --import tenfold/observe server.js`. */
export { openObserved, type ObservedApp } from './observed.ts'
export { NotKept } from './errors.ts'

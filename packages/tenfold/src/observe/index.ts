/** Ring 7: looks at an app that is not made with tenfold, without a change of its code. Its other door, which acts when it is
 *  imported, is preload.program.ts: `node --import tenfold/observe server.js`. */
export { readObserveSettings, type ObserveSettings } from './settings.ts'

/** Ring 3: calls to other services over HTTP. */
export * from './outbound.ts'
export * from './errors.ts'
export { all } from './all.ts'
export { openOutbound, type Outbound } from './open.ts'
export { setWanted, wantedOf, type Wanted } from './wanted.ts'
export { isSlowCall, slowCallWords, type SlowCall } from './slow.ts'

/** Ring 3: calls to other services over HTTP. */
export * from './outbound.ts'
export * from './errors.ts'
export { checkPublic } from './address.ts'
export { all } from './all.ts'
export { retryAfterMs } from './repeat.ts'
export { openOutbound, type Outbound } from './open.ts'
export { setWanted, wantedOf, type Wanted } from './wanted.ts'
export { isSlowCall, slowCallWords, type SlowCall } from './slow.ts'

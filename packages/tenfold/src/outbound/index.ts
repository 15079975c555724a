/** Ring 3: calls to other services over HTTP. */
export { watchOutgoing } from './watch.ts'

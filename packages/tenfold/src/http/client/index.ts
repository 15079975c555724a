/** The typed client that an app gives to its browsers. */
export { generateClient } from './generate.ts'
export { typeOf } from './types.ts'

export { makeSite, writeSite, type Site } from './build.ts'
export { serveSite } from './serve.ts'

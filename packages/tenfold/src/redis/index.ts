/** Ring 2: the connection to Redis or Valkey. */
export { createCircuit, type Circuit } from './circuit.ts'
export * from './errors.ts'
export { openRedis, type RedisOptions } from './open.ts'
export type * from './redis.ts'
export { scriptOf } from './script.ts'

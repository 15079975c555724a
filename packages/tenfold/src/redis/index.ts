/** Ring 2: the connection to Redis or Valkey. */
export * from './errors.ts'
export { openRedis, type RedisOptions } from './open.ts'
export type * from './redis.ts'

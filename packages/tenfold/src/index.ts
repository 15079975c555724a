/** tenfold: one codebase, from the first VM to ten million users. */
export type { ColumnType, Generated, GeneratedAlways, Insertable, Selectable, Updateable } from 'kysely'
export { sql } from 'kysely'
export { app, config, type App, type AppOptions, type Config, type Instance, type StartOptions } from './app/index.ts'
export {
  defineError,
  messageOf,
  TenfoldError,
  uuidv7,
  type Duration,
  type ErrorKind,
  type Schema,
  type User,
} from './kernel/index.ts'
export type { AnyTx, Db, Json, Tx } from './database/index.ts'
export { created, file, html, noContent, redirect, respond, stream, text } from './http/index.ts'
export { giveUp, retryAfter } from './queue/index.ts'
export {
  contract,
  defineModule,
  tables,
  type CacheDefinition,
  type ClientDefinition,
  type ContextOf,
  type Contract,
  type EventDefinition,
  type JobDefinition,
  type Kit,
  type LiveDefinition,
  type LoaderDefinition,
  type Module,
  type ModuleContext,
  type PathParams,
} from './modules/index.ts'

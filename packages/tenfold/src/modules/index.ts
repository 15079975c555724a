/** Ring 5: the application model. Definitions are inert, typed values, made by a module's kit and listed in its manifest. */
export type { CacheDefinition, CacheOptions } from './cache.ts'
export type { ClientDefinition } from './client.ts'
export type { KitTypes, ModuleContext, UserSessions, Vault } from './context.ts'
export {
  contract,
  type AnyContract,
  type BatchCall,
  type Calls,
  type Contract,
  type EventShape,
  type Method,
  type Methods,
} from './contract.ts'
export type { CronContext, CronDefinition, CronOptions } from './cron.ts'
export type { EventDefinition, SubscriptionContext, SubscriptionDefinition, SubscriptionOptions } from './event.ts'
export type { ImplementationDefinition } from './implement.ts'
export type { BatchItem, BatchJobOptions, JobContext, JobDefinition, JobOptions } from './job.ts'
export { defineModule, tables, type ContextOf, type Kit, type Module, type Part, type Tables } from './kit.ts'
export type { LiveDefinition, LiveOptions } from './live.ts'
export type { Loaded, LoaderDefinition, LoaderFound, LoaderKey, LoaderOptions } from './loader.ts'
export type { MetricDefinition, MetricOptions } from './metric.ts'
export { BadName, DuplicateName, ForeignPart, nameOf } from './names.ts'
export type { ResourceDefinition, ResourceOptions } from './resource.ts'
export type { HttpMethod, PathParams, RouteContext, RouteDefinition, RouteOptions, RoutePath } from './route.ts'
export type { AnySocket, OpenSocket } from './socket.ts'
export type { TrackDefinition, TrackedBy, TrackOptions } from './track.ts'
export { currentScope, NoScope, runInScope, type CacheHandle, type LoaderHandle, type Scope } from './scope.ts'

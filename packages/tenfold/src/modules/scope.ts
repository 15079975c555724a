/** Which running app, and which of its modules, the present code runs for. Definitions are inert values; what they do when
 *  called (`enqueue`, `publish`, `get`, `add`) is done by the app instance found here. It travels with the awaits, so two
 *  instances in one process never mix. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { defineError, type Reply } from '../kernel/index.ts'
import type { CacheDefinition } from './cache.ts'
import type { ClientDefinition } from './client.ts'
import type { EventDefinition } from './event.ts'
import type { EnqueueOptions, JobDefinition } from './job.ts'
import type { LiveDefinition } from './live.ts'
import type { LoaderDefinition } from './loader.ts'
import type { MetricDefinition } from './metric.ts'
import type { AnySocket } from './socket.ts'
import type { ResourceDefinition } from './resource.ts'
import type { TrackDefinition, TrackedBy } from './track.ts'
import type { AnyTx } from '../database/index.ts'
import type { HttpRequest } from '../http/index.ts'
import type { Client, Wanted } from '../outbound/index.ts'

export interface Scope {
  enqueue(job: JobDefinition<string, any>, inputs: readonly unknown[], options: EnqueueOptions): Promise<string[]>
  cancel(jobId: string, reason?: string): Promise<boolean>
  publish(
    event: EventDefinition<string, any>,
    payloads: readonly unknown[],
    tx: AnyTx | undefined,
    key?: string,
  ): Promise<void>
  cached(cache: CacheDefinition<string, any, any>): CacheHandle
  loader(loader: LoaderDefinition<string, any, any>, tx: AnyTx | undefined): LoaderHandle
  client(client: ClientDefinition): Client
  resource(definition: ResourceDefinition<string, any>): Promise<unknown>
  /** Calls to others, from here on in this request or job, get no more time than this. */
  inherit(wanted: Wanted): void
  track(definition: TrackDefinition<string, any>, properties: unknown, by: TrackedBy): Promise<boolean>
  broadcast(live: LiveDefinition<string, any>, key: string, message: unknown, tx: AnyTx | undefined): Promise<void>
  follow(live: LiveDefinition<string, any>, key: string, headers: HttpRequest['headers']): Promise<Reply>
  talk(module: string, socket: AnySocket, context: { request: HttpRequest }): Reply
  record(metric: MetricDefinition, value: number, dimensions: Record<string, string>): void
}

export interface CacheHandle {
  get(key: unknown): Promise<unknown>
  getMany(keys: readonly unknown[]): Promise<unknown[]>
  set(key: unknown, value: unknown, within?: { tx?: AnyTx }): Promise<void>
  invalidate(key: unknown, within?: { tx?: AnyTx }): Promise<void>
  invalidateTag(tag: string, within?: { tx?: AnyTx }): Promise<void>
}

export interface LoaderHandle {
  load(key: unknown): Promise<unknown>
  forget(key: unknown): void
}

export const NoScope = defineError('TF_NO_SCOPE', {
  says: (e: { what: string }) => `The ${e.what} was called outside of a running app.`,
  fix: 'Call it from a handler, job, cron or loader, or wrap the code in `app.run(async () => { … })`.',
})

const scopes = new AsyncLocalStorage<Scope>()

export function runInScope<T>(scope: Scope, fn: () => T): T {
  return scopes.run(scope, fn)
}

export function currentScope(what: string): Scope {
  const scope = scopes.getStore()
  if (!scope) throw NoScope({ what })
  return scope
}

import type { Duration } from '../kernel/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import { currentScope } from './scope.ts'

export interface CacheOptions<K extends KitTypes, Key, Value> {
  /** How long a value is fresh. */
  ttl: Duration
  /** How long after that it may still be served while a new one is loaded. Defaults to 0. */
  staleFor?: Duration
  /** Names to invalidate several values by. */
  tags?: (key: Key, value: Value) => string[]
  load(key: Key, context: ModuleContext<K>): Promise<Value>
}

/** Values that are loaded once and then kept: memory, and later Redis, before the loader. */
export interface CacheDefinition<Module extends string = string, Key = never, Value = unknown> {
  readonly kind: 'cache'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: Omit<CacheOptions<KitTypes, never, never>, 'load' | 'tags'> & {
    tags?: (key: never, value: never) => string[]
    load(key: never, context: never): Promise<unknown>
  }
  /** The value, loaded if need be; callers that ask at the same time share one load. Treat it as read-only. */
  get(key: Key): Promise<Value>
  /** Forgets one value on every instance. After a write call it once the transaction has committed. */
  invalidate(key: Key): Promise<void>
  invalidateTag(tag: string): Promise<void>
}

export function cacheDefinition<Module extends string, K extends KitTypes, Key, Value>(
  module: Module,
  name: string,
  options: CacheOptions<K, Key, Value>,
): CacheDefinition<Module, Key, Value> {
  const what = `cache ${module}.${name}`
  const definition: CacheDefinition<Module, Key, Value> = {
    kind: 'cache',
    module,
    name: `${module}.${name}`,
    options: options as unknown as CacheDefinition['options'],
    get: async (key) => (await currentScope(what).cached(definition).get(key)) as Value,
    invalidate: (key) => currentScope(what).cached(definition).invalidate(key),
    invalidateTag: (tag) => currentScope(what).cached(definition).invalidateTag(tag),
  }
  return definition
}

import type { Duration } from '../kernel/index.ts'
import type { AnyTx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import { currentScope } from './scope.ts'

export interface CacheOptions<K extends KitTypes, Key, Value> {
  /** How long a value is fresh. */
  ttl: Duration
  /** How long after that it may still be served while a new one is loaded. Defaults to 0. */
  staleFor?: Duration
  /** How long `undefined` and `null` are kept. Defaults to 0: they are loaded again each time. */
  missingTtl?: Duration
  /** Names to invalidate several values by. */
  tags?: (value: Value, key: Key) => string[]
  load(key: Key, context: ModuleContext<K>): Promise<Value>
  /** Loads several values at once, in the order of the keys: `getMany` uses it for what is missing. */
  loadMany?(keys: readonly Key[], context: ModuleContext<K>): Promise<readonly Value[]>
  /** Which form the values have: change it with that form, and a new release takes nothing that an old one has shared. Defaults
   *  to ''. */
  version?: string
  /** Whether instances share values and loads, so that one of them loads for all. Defaults to true with REDIS_URL; without it
   *  they share through Postgres, where a look costs as much as a cheap load: there it defaults to false, and pays for what
   *  takes 10 ms and more. */
  shared?: boolean
}

/** Values that are loaded once and then kept: memory, and later Redis, before the loader. */
export interface CacheDefinition<Module extends string = string, Key = never, Value = unknown> {
  readonly kind: 'cache'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: Omit<CacheOptions<KitTypes, never, never>, 'load' | 'loadMany' | 'tags'> & {
    tags?: (value: never, key: never) => string[]
    load(key: never, context: never): Promise<unknown>
    loadMany?(keys: never, context: never): Promise<readonly unknown[]>
  }
  /** The value, loaded if need be; callers that ask at the same time share one load. It is frozen: all callers share it. */
  get(key: Key): Promise<Value>
  /** The values, in the order of the keys: with `loadMany` what is missing is loaded together. */
  getMany(keys: readonly Key[]): Promise<Value[]>
  /** Puts a value in place of loading it; other instances forget theirs. */
  set(key: Key, value: Value, within?: { tx?: AnyTx }): Promise<void>
  /** Forgets one value, on every instance; with `{ tx }` after the commit and only then. */
  invalidate(key: Key, within?: { tx?: AnyTx }): Promise<void>
  /** Forgets all values of this cache that carry the tag. */
  invalidateTag(tag: string, within?: { tx?: AnyTx }): Promise<void>
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
    getMany: async (keys) => (await currentScope(what).cached(definition).getMany(keys)) as Value[],
    set: (key, value, within) => currentScope(what).cached(definition).set(key, value, within),
    invalidate: (key, within) => currentScope(what).cached(definition).invalidate(key, within),
    invalidateTag: (tag, within) => currentScope(what).cached(definition).invalidateTag(tag, within),
  }
  return definition
}

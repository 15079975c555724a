import type { AnyTx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import { currentScope } from './scope.ts'

export type LoaderKey = string | number | bigint
export type LoaderFound = readonly unknown[] | ReadonlyMap<any, unknown>
type RowOf<Found> = Found extends readonly (infer Row)[] ? Row : Found extends ReadonlyMap<any, infer Row> ? Row : never

export interface LoaderOptions<
  K extends KitTypes,
  Key extends LoaderKey,
  Found extends LoaderFound,
  Many extends boolean,
  Missing extends 'undefined' | 'error',
> {
  /** Asks for all of `keys` at once; they are distinct. Returns rows in any order (with `by`), or a Map by key. */
  load(keys: Key[], context: ModuleContext<K>): Promise<Found>
  /** The column of a row that holds its key. Needed unless `load` returns a Map. */
  by?: keyof RowOf<NoInfer<Found>> & string
  /** Several rows have the same key: `load` of a key is all of them, `[]` where there are none. Defaults to false. */
  many?: Many
  /** What a key without a row is: `undefined`, the default, or TF_LOADER_MISSING with `error`. */
  missing?: Missing
  /** Keys asked for in one go; more make several. Defaults to 1000. */
  maxBatch?: number
}

/** Rows by key, asked for together and once in a request: the cure of N+1 queries where a join does not fit. */
export interface LoaderDefinition<Module extends string = string, Key = never, Value = unknown> {
  readonly kind: 'loader'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: {
    load(keys: never[], context: never): Promise<readonly unknown[] | ReadonlyMap<unknown, unknown>>
    by?: string
    many?: boolean
    missing?: 'undefined' | 'error'
    maxBatch?: number
  }
  /** Keys of one tick become one query, and a key is asked for once in a request, job or cron run. Await in parallel:
   *  a loop with an `await` in it is one query for each turn again.
   *  @example
   *  const authors = await Promise.all(posts.map((post) => author.load(post.authorId)))   // one query
   *  await author.load(id, { tx })     // within the transaction, sees what it has written */
  load(key: Key, within?: { tx?: AnyTx }): Promise<Value>
  /** In the order of `keys`. */
  loadMany(keys: readonly Key[], within?: { tx?: AnyTx }): Promise<Value[]>
  /** Forgets one key, or all: after a write, so that the next `load` asks again. */
  forget(key?: Key): void
}

/** What `load` gives, by the options. */
export type Loaded<Found, Many extends boolean, Missing extends 'undefined' | 'error'> = Many extends true
  ? RowOf<Found>[]
  : Missing extends 'error'
    ? RowOf<Found>
    : RowOf<Found> | undefined

export function loaderDefinition<
  Module extends string,
  K extends KitTypes,
  Key extends LoaderKey,
  Found extends LoaderFound,
  Many extends boolean,
  Missing extends 'undefined' | 'error',
>(
  module: Module,
  name: string,
  options: LoaderOptions<K, Key, Found, Many, Missing>,
): LoaderDefinition<Module, Key, Loaded<Found, Many, Missing>> {
  type Value = Loaded<Found, Many, Missing>
  const what = `loader ${module}.${name}`
  const definition: LoaderDefinition<Module, Key, Value> = {
    kind: 'loader',
    module,
    name: `${module}.${name}`,
    options: options as unknown as LoaderDefinition['options'],
    load: async (key, within) => (await currentScope(what).loader(definition, within?.tx).load(key)) as Value,
    loadMany: (keys, within) => {
      const loader = currentScope(what).loader(definition, within?.tx)
      return Promise.all(keys.map((key) => loader.load(key))) as Promise<Value[]>
    },
    forget: (key) => currentScope(what).loader(definition, undefined).forget(key),
  }
  return definition
}

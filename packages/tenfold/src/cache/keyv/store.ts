import { randomHex } from '../../kernel/index.ts'

/** What we use of a cache: those of `m.cache` and of `openCaches` have it. Its `load` gives `undefined`: only what is set is there. */
export interface KeyvSource {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
  invalidate(key: string): Promise<void>
}

/** What Keyv wants of a store. */
export interface KeyvStore {
  opts: Record<string, unknown>
  /** Set by Keyv. */
  namespace: string | undefined
  get(key: string): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  set(key: string, value: unknown): Promise<boolean>
  has(key: string): Promise<boolean>
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<boolean>
  clear(): Promise<void>
}

/** A store for Keyv, and so for all that takes one: `got`, `cacheable-request`, `cache-manager`. What is put there is in memory,
 *  shared between instances and invalidated on all of them, as the cache is. Keyv sees to the time that a single value lives;
 *  none lives longer than the `ttl` of the cache.
 *  @example
 *  const pages = m.cache('pages', { ttl: '1h', load: async (_key: string): Promise<unknown> => undefined })
 *  const keyv = new Keyv({ store: keyvStore(pages) }) */
export function keyvStore(cache: KeyvSource): KeyvStore {
  /** A namespace is cleared by giving it another generation: what belongs to the old one is never asked for again. */
  const generationOf = async (namespace: string): Promise<string> => {
    const name = `generation\n${namespace}`
    const known = await cache.get(name)
    if (typeof known === 'string') return known
    const made = randomHex(8)
    await cache.set(name, made)
    return made
  }
  const placeOf = async (key: string): Promise<string> => {
    const namespace = store.namespace ?? ''
    return `${await generationOf(namespace)}\n${namespace}\n${key}`
  }

  const store: KeyvStore = {
    opts: {},
    namespace: undefined,
    get: async (key) => cache.get(await placeOf(key)),
    getMany: (keys) => Promise.all(keys.map((key) => store.get(key))),
    async set(key, value) {
      await cache.set(await placeOf(key), value)
      return true
    },
    has: async (key) => (await store.get(key)) !== undefined,
    async delete(key) {
      const place = await placeOf(key)
      const found = (await cache.get(place)) !== undefined
      await cache.invalidate(place)
      return found
    },
    deleteMany: async (keys) => (await Promise.all(keys.map((key) => store.delete(key)))).some(Boolean),
    clear: () => cache.set(`generation\n${store.namespace ?? ''}`, randomHex(8)),
  }
  return store
}

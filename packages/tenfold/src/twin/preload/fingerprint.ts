/** What a value is right now, short enough to be compared after every request. */

const MOST = 200
const DEPTH = 4

/** Tells objects apart that we do not look into: a variable that holds another promise now has changed. */
export interface Identities {
  of(object: object): number
}

export function createIdentities(): Identities {
  const known = new WeakMap<object, number>()
  let last = 0
  return {
    of(object) {
      const number = known.get(object) ?? ++last
      known.set(object, number)
      return number
    },
  }
}

/** Equal prints mean: nothing that we look at has changed. */
export function print(value: unknown, identities: Identities, depth = DEPTH): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 200 ? `${value.length} ${value.slice(0, 200)}` : value)
  if (typeof value === 'function') return `function${locals(value, identities)}`
  if (typeof value !== 'object' || value === null) return String(value)
  if (depth === 0) return '…'
  const inner = (one: unknown): string => print(one, identities, depth - 1)
  if (value instanceof Map)
    return `Map(${value.size}) ${[...value]
      .slice(0, MOST)
      .map(([key, one]) => `${inner(key)}=${inner(one)}`)
      .join()}`
  if (value instanceof Set) return `Set(${value.size}) ${[...value].slice(0, MOST).map(inner).join()}`
  if (Array.isArray(value)) return `[${value.length}] ${value.slice(0, MOST).map(inner).join()}`
  if (value instanceof Date) return `Date ${value.getTime()}`
  if (value instanceof Uint8Array) return `bytes ${value.length} ${Buffer.from(value.subarray(0, 64)).toString('hex')}`
  if (isPlain(value)) {
    const entries = Object.entries(value)
    return `{${entries.length}} ${entries
      .slice(0, MOST)
      .map(([key, one]) => `${key}=${inner(one)}`)
      .join()}`
  }
  return `object ${identities.of(value)}${sizeOf(value)}`
}

/** For people: `a Map with 2 entries`. */
export function describe(value: unknown): string {
  if (value instanceof Map) return `a Map with ${count(value.size, 'entry', 'entries')}`
  if (value instanceof Set) return `a Set of ${value.size}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return value.length > 40 ? 'a text' : JSON.stringify(value)
  if (typeof value === 'object' && value !== null) {
    if (!isPlain(value)) return `a ${value.constructor?.name ?? 'object'}${sizeOf(value)}`
    return `an object with ${count(Object.keys(value).length, 'key', 'keys')}`
  }
  return String(value)
}

/** The names under which things are kept in a Map, a Set or an object. */
export function keysOf(get: () => unknown): string[] {
  try {
    const value = get()
    const keys: unknown[] =
      value instanceof Map || value instanceof Set
        ? [...value.keys()].slice(-MOST)
        : Array.isArray(value)
          ? value.slice(-MOST)
          : isPlain(value)
            ? Object.keys(value).slice(-MOST)
            : []
    return keys.filter((key) => typeof key === 'string')
  } catch {
    return []
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === Object.prototype || prototype === null
}

/** Caches of packages say how much they hold. */
function sizeOf(value: object): string {
  const { size, itemCount } = value as { size?: unknown; itemCount?: unknown }
  const amount = typeof size === 'number' ? size : itemCount
  return typeof amount === 'number' ? ` of ${amount}` : ''
}

/** `app.locals` of Express, which is a function. */
function locals(value: object, identities: Identities): string {
  const { locals: held } = value as { locals?: unknown }
  return isPlain(held) ? ` ${print({ ...held, settings: undefined }, identities, 3)}` : ''
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}

import { createHash } from 'node:crypto'
import { CacheKey } from '../errors.ts'

const LONGEST = 256

/** The text under which a key is stored: itself when it is short, else a digest, so that keys cost a bounded amount. */
export function textOf(cache: string, key: unknown): string {
  if (typeof key === 'string') return key.length <= LONGEST ? key : digest(key)
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key)
  if (key === undefined) return ''
  const text = canonical(cache, key)
  return text.length <= LONGEST ? text : digest(text)
}

/** JSON with sorted property names: `{ a, b }` and `{ b, a }` are one key. */
function canonical(cache: string, key: unknown): string {
  if (key === null || typeof key === 'string' || typeof key === 'boolean') return JSON.stringify(key)
  if (typeof key === 'number') return Number.isFinite(key) ? String(key) : refuse(cache, String(key))
  if (typeof key === 'bigint') return `${key}n`
  if (key instanceof Date) return JSON.stringify(key)
  if (Array.isArray(key)) return `[${key.map((item) => canonical(cache, item)).join(',')}]`
  if (typeof key !== 'object') return refuse(cache, typeof key)
  const prototype: unknown = Object.getPrototypeOf(key)
  if (prototype !== Object.prototype && prototype !== null) return refuse(cache, 'an instance of a class')
  const pairs = Object.entries(key).filter(([, value]) => value !== undefined)
  pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${canonical(cache, value)}`).join(',')}}`
}

function refuse(cache: string, type: string): never {
  throw CacheKey({ cache, type })
}

function digest(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('base64url')}`
}

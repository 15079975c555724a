import { createHash } from 'node:crypto'
import { CacheKey } from '../errors.ts'

const LONGEST = 256
const DIGEST = 'sha256:'

/** The text under which a key is stored: itself when it is short, else a digest, so that keys cost a bounded amount. */
export function textOf(cache: string, key: unknown): string {
  if (typeof key === 'string') return short(key)
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key)
  if (key === undefined) return ''
  return short(canonical(cache, key))
}

/** NUL and half surrogate pairs do not survive every store; and nobody may choose a key that looks like a digest. */
function short(text: string): string {
  const plain = text.length <= LONGEST && !text.includes('\0') && text.isWellFormed() && !text.startsWith(DIGEST)
  return plain ? text : digest(text)
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
  return `${DIGEST}${createHash('sha256').update(text, 'utf16le').digest('base64url')}`
}

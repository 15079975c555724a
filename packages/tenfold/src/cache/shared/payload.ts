import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import type { ReadAt } from '../../database/index.ts'

/** A value as it lies in the shared tier, with the position that it was read at (C11):
 *
 *    one byte: how it is written | [value, readAt, loadMs], and its version if it has one
 *
 *  What JSON can say is JSON, which is the fastest to read. The rest is V8's structured clone, whose format is read by all later
 *  versions of Node.js; what an older one cannot read counts as missing. */
const JSON_TEXT = 1
const CLONE = 2
const COMPRESSED = 4
/** Bytes; below, compressing costs more than it saves. */
const COMPRESS_FROM = 4096
/** A larger value would hold up all others on the same connection. */
const MAX_BYTES = 1024 * 1024
/** A few kilobytes could stand for gigabytes. */
const MAX_PLAIN_BYTES = 64 * 1024 * 1024

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

export interface Payload {
  value: unknown
  readAt: ReadAt | undefined
  /** How long its load took. */
  loadMs: number
  /** Of the form of the value. */
  version: string
}

/** Undefined for a value that is too large. Throws for one that would not come back as it was. */
export async function encode({ value, readAt, loadMs, version }: Payload): Promise<Buffer | undefined> {
  const kind = kindOf(value)
  if (kind.odd !== undefined) throw new TypeError(`it holds ${kind.odd}`)
  const text = kind.json && readAt === undefined
  const parts = [value, text ? null : readAt, loadMs, ...(version === '' ? [] : [version])]
  const bytes = text ? Buffer.from(JSON.stringify(parts)) : serialize(parts)
  if (bytes.length > MAX_PLAIN_BYTES) return undefined
  const small = bytes.length < COMPRESS_FROM
  const body = small ? bytes : await compress(bytes)
  if (body.length > MAX_BYTES) return undefined
  return Buffer.concat([Buffer.from([(text ? JSON_TEXT : CLONE) | (small ? 0 : COMPRESSED)]), body])
}

/** Undefined for what this version cannot read. */
export function decode(body: Buffer): Payload | undefined | Promise<Payload | undefined> {
  const how = body[0]!
  const rest = body.subarray(1)
  if (!(how & COMPRESSED)) return read(how, rest)
  return decompress(rest, { maxOutputLength: MAX_PLAIN_BYTES }).then(
    (bytes) => read(how, bytes),
    () => undefined,
  )
}

function read(how: number, bytes: Buffer): Payload | undefined {
  try {
    const parts: unknown = how & JSON_TEXT ? JSON.parse(bytes.toString()) : deserialize(bytes)
    const [value, readAt, loadMs, version = ''] = parts as [unknown, ReadAt | null | undefined, number, string?]
    return { value, readAt: readAt ?? undefined, loadMs, version }
  } catch {
    return undefined
  }
}

/** Whether JSON gives the value back as it is, and what structured clone would lose or refuse: classes, functions, symbols. */
function kindOf(value: unknown): { json: boolean; odd?: string } {
  const seen = new Set<object>()
  const open: unknown[] = [value]
  let json = true
  while (open.length > 0) {
    const one = open.pop()
    const type = typeof one
    if (type === 'function' || type === 'symbol') return { json, odd: `a ${type}` }
    if (type === 'undefined' || type === 'bigint' || (type === 'number' && !isJsonNumber(one as number))) json = false
    if (type !== 'object' || one === null) continue
    // Twice the same object would come back as two.
    if (seen.has(one as object)) json = false
    if (seen.has(one as object)) continue
    seen.add(one as object)
    const prototype: unknown = Object.getPrototypeOf(one)
    const plain = Array.isArray(one) || prototype === Object.prototype
    if (!plain || Object.hasOwn(one as object, '__proto__')) json = false
    if (Array.isArray(one)) for (const item of one) open.push(item)
    else if (one instanceof Map) for (const pair of one) open.push(...pair)
    else if (one instanceof Set) for (const item of one) open.push(item)
    else if (prototype === Object.prototype || prototype === null)
      for (const item of Object.values(one as object)) open.push(item)
    else if (!CLONED.some((kind) => one instanceof kind) && !ArrayBuffer.isView(one))
      return {
        json,
        odd: `an instance of ${(prototype as { constructor?: { name?: string } }).constructor?.name ?? 'a class'}`,
      }
  }
  return { json }
}

function isJsonNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0)
}

const CLONED = [Date, RegExp, ArrayBuffer]

import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import type { ReadAt } from '../../database/index.ts'

/** A value as it lies in the shared tier, with the position that it was read at (C11):
 *
 *    one byte: 1 as it is, 2 compressed | structured clone of [value, readAt, loadMs]
 *
 *  The format of V8's structured clone is read by all later versions of Node.js; what an older one cannot read counts as
 *  missing. */
const PLAIN = 1
const COMPRESSED = 2
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
}

/** Undefined for a value that is too large. Throws for one that would not come back as it was. */
export async function encode({ value, readAt, loadMs }: Payload): Promise<Buffer | undefined> {
  const odd = oddityOf(value)
  if (odd !== undefined) throw new TypeError(`it holds ${odd}`)
  const bytes = serialize([value, readAt, loadMs])
  if (bytes.length > MAX_PLAIN_BYTES) return undefined
  const small = bytes.length < COMPRESS_FROM
  const body = small ? bytes : await compress(bytes)
  if (body.length > MAX_BYTES) return undefined
  return Buffer.concat([Buffer.from([small ? PLAIN : COMPRESSED]), body])
}

/** Undefined for what this version cannot read. */
export async function decode(body: Buffer): Promise<Payload | undefined> {
  try {
    const rest = body.subarray(1)
    const bytes = body[0] === COMPRESSED ? await decompress(rest, { maxOutputLength: MAX_PLAIN_BYTES }) : rest
    const [value, readAt, loadMs] = deserialize(bytes) as [unknown, ReadAt | undefined, number]
    return { value, readAt, loadMs }
  } catch {
    return undefined
  }
}

/** What structured clone would lose or refuse: classes, functions, symbols. Undefined when there is nothing of it. */
function oddityOf(value: unknown): string | undefined {
  const seen = new Set<object>()
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one === 'function' || typeof one === 'symbol') return `a ${typeof one}`
    if (typeof one !== 'object' || one === null || seen.has(one)) continue
    seen.add(one)
    const prototype: unknown = Object.getPrototypeOf(one)
    if (Array.isArray(one)) for (const item of one) open.push(item)
    else if (one instanceof Map) for (const pair of one) open.push(...pair)
    else if (one instanceof Set) for (const item of one) open.push(item)
    else if (prototype === Object.prototype || prototype === null)
      for (const item of Object.values(one)) open.push(item)
    else if (!CLONED.some((kind) => one instanceof kind) && !ArrayBuffer.isView(one))
      return `an instance of ${(prototype as { constructor?: { name?: string } }).constructor?.name ?? 'a class'}`
  }
  return undefined
}

const CLONED = [Date, RegExp, ArrayBuffer]

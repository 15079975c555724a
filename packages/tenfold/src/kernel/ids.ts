import { randomBytes, randomFillSync } from 'node:crypto'

/** A UUID version 7 (RFC 9562 section 5.7): starts with the time in milliseconds, so that indexes grow at one end. */
export function uuidv7(now: number = Date.now()): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

// Ids of traces and spans are drawn from a pool: one call to the random source serves some hundreds of them.
const pool = Buffer.alloc(4096)
const cursor = { at: pool.length }

/** `bytes` random bytes as lower-case hex; 16 for a trace id, 8 for a span id (W3C Trace Context). */
export function randomHex(bytes: number): string {
  if (cursor.at + bytes > pool.length) {
    randomFillSync(pool)
    cursor.at = 0
  }
  cursor.at += bytes
  return pool.toString('hex', cursor.at - bytes, cursor.at)
}

/** An opaque, unguessable token of 256 bits, safe in URLs and cookies. */
export function secretToken(): string {
  return randomBytes(32).toString('base64url')
}

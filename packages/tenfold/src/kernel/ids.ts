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

// Ids of traces and spans are cut from a long random text: one call to the random source serves some hundreds of them.
const random = Buffer.alloc(8192)
const supply = { text: '', at: 0 }

/** `bytes` random bytes as lower-case hex; 16 for a trace id, 8 for a span id (W3C Trace Context). */
export function randomHex(bytes: number): string {
  const length = bytes * 2
  if (supply.at + length > supply.text.length) {
    if (bytes > random.length) return randomBytes(bytes).toString('hex')
    supply.text = randomFillSync(random).toString('hex')
    supply.at = 0
  }
  supply.at += length
  return supply.text.slice(supply.at - length, supply.at)
}

/** An opaque, unguessable token of 256 bits, safe in URLs and cookies. */
export function secretToken(): string {
  return randomBytes(32).toString('base64url')
}

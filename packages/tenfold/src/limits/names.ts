import { createHash } from 'node:crypto'

const LONGEST = 128
export const PLAIN = /^[\x20-\x7e]{1,128}$/

/** What a key is stored as: readable where that is possible, else a digest (L7). */
export function storedName(key: string): string {
  return PLAIN.test(key) ? key : digestOf(key)
}

/** Where any character will do, as long as there are not too many. */
export function shortName(key: string): string {
  return key.length <= LONGEST ? key : digestOf(key)
}

function digestOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`
}

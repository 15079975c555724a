/** Header pairs in one flat array, the form that Node writes fastest: `['x-a', '1', 'x-b', '2']`. */
export type HeaderPairs = readonly string[]

export interface SecurityHeaders {
  /** For JSON: nothing may be loaded, framed or kept. */
  api: HeaderPairs
  /** For pages: scripts, styles, images and connections of this app only, none inline. */
  page: HeaderPairs
}

const COMMON = [
  'x-content-type-options', 'nosniff',
  'x-frame-options', 'DENY',
  'cross-origin-opener-policy', 'same-origin',
  'cross-origin-resource-policy', 'same-origin',
] // prettier-ignore

const API_POLICY = "default-src 'none'; frame-ancestors 'none'"
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The headers of every reply, put together once. `strict` adds HSTS: for production over https. */
export function securityHeaders(strict: boolean): SecurityHeaders {
  const transport = strict ? ['strict-transport-security', 'max-age=31536000; includeSubDomains'] : []
  return {
    api: [...COMMON, ...transport, 'content-security-policy', API_POLICY, 'referrer-policy', 'no-referrer', 'cache-control', 'no-store'],
    page: [...COMMON, ...transport, 'content-security-policy', PAGE_POLICY, 'referrer-policy', 'strict-origin-when-cross-origin', 'cache-control', 'no-cache'],
  } // prettier-ignore
}

/** `base` with the headers of one reply, which win over those of the same name. */
export function withHeaders(base: HeaderPairs, own: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(own)
  if (names.length === 0) return base.slice()
  const replaced = new Set(names.map((name) => name.toLowerCase()))
  const pairs: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!replaced.has(base[i]!)) pairs.push(base[i]!, base[i + 1]!)
  }
  for (const name of names) pairs.push(name.toLowerCase(), own[name]!)
  return pairs
}

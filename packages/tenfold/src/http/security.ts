import { validateHeaderName, validateHeaderValue } from 'node:http'

/** Header pairs in one flat array, the form that Node writes fastest: `['x-a', '1', 'x-b', '2']`. */
export type HeaderPairs = readonly string[]

/** Headers that many answers share: as pairs, and as the text that goes over the wire. */
export interface HeaderBlock {
  readonly pairs: HeaderPairs
  readonly text: string
}

export interface SecurityHeaders {
  /** For JSON: nothing may be loaded, framed or kept. */
  api: HeaderBlock
  /** The same, with the type of a JSON reply, and of a problem. */
  json: HeaderBlock
  problem: HeaderBlock
  /** For pages: scripts, styles, images and connections of this app only, none inline. */
  page: HeaderBlock
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
  const api = [
    ...COMMON,
    ...transport,
    'content-security-policy',
    API_POLICY,
    'referrer-policy',
    'no-referrer',
    'cache-control',
    'no-store',
  ]
  const page = [
    ...COMMON,
    ...transport,
    'content-security-policy',
    PAGE_POLICY,
    'referrer-policy',
    'strict-origin-when-cross-origin',
    'cache-control',
    'no-cache',
  ]
  return {
    api: blockOf(api),
    json: blockOf([...api, 'content-type', 'application/json; charset=utf-8']),
    problem: blockOf([...api, 'content-type', 'application/problem+json; charset=utf-8']),
    page: blockOf(page),
  } // prettier-ignore
}

/** No headers at all: where an answer has replaced those of every answer by its own. */
export const NO_HEADERS: HeaderBlock = { pairs: [], text: '' }

function blockOf(pairs: HeaderPairs): HeaderBlock {
  let text = ''
  for (let i = 0; i < pairs.length; i += 2) {
    validateHeaderName(pairs[i]!)
    validateHeaderValue(pairs[i]!, pairs[i + 1]!)
    text += `${pairs[i]}: ${pairs[i + 1]}\r\n`
  }
  return { pairs, text }
}

/** The headers of `base` with those of one reply, which win over those of the same name. */
export function withHeaders({ pairs: base }: HeaderBlock, own: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(own)
  const replaced = new Set(names.map((name) => name.toLowerCase()))
  const pairs: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!replaced.has(base[i]!)) pairs.push(base[i]!, base[i + 1]!)
  }
  for (const name of names) pairs.push(name.toLowerCase(), own[name]!)
  return pairs
}

/** Requests that are nearly right: what a fuzz run sends, the same for the same seed. */
import { z } from 'zod'
import type { HttpRoute } from '../index.ts'
import { route } from './index.ts'

const BODIES = [
  '{"name":"mug","count":2,"tags":["a","b"],"inner":{"deep":[1,2.5e3,null,true]}}',
  '{"__proto__":{"x":1},"constructor":{"prototype":{}},"name":"\\u0000\\ud800"}',
  'name=mug&count=2&tags=a&tags=%00&inner[deep]=1&__proto__=1',
  '[[[[[[[[[[[[]]]]]]]]]]]]',
]
const PATHS = [
  '/items/7?page=1&tag=a&tag=b',
  '/items/%2e%2e%2f?q=%00',
  '/files/a/b/../c%2f',
  '/?__proto__[x]=1&constructor=2',
  '//items/7',
]
const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '%',
  '%00',
  '\0',
  '__proto__',
  '\u{1f600}',
  '\ud800',
  '0e999',
  '-',
  '..',
  '/',
  '?',
  '&',
  '=',
  '\n',
  '\u007f',
]

const TYPES = ['application/json', 'application/x-www-form-urlencoded', 'application/vnd.x+json', 'text/plain']

export interface FuzzCase {
  /** Path and query, encoded as a browser would. */
  path: string
  body: string
  type: string
}

/** What answers them. */
export function fuzzRoutes(): HttpRoute[] {
  return [
    route('POST /items/:id', {
      params: z.object({ id: z.string().max(50) }),
      query: z.object({ page: z.coerce.number().optional(), tag: z.array(z.string()).optional() }),
      body: z.object({
        name: z.string(),
        count: z.coerce.number().optional(),
        tags: z.array(z.string()).optional(),
        inner: z.json().optional(),
      }),
      reply: z.json(),
      handle: async ({ params, query, body }) => ({ params, query, body }) as never,
    }),
    route('POST /files/*', { body: z.json(), reply: z.json(), handle: async ({ body }) => body }),
  ]
}

export function fuzzer(seed: number): () => FuzzCase {
  const random = generator(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const mutate = (text: string): string => {
    let out = text
    for (let times = Math.floor(random() * 4); times > 0; times--) {
      const at = Math.floor(random() * out.length)
      const cut = Math.floor(random() * 3)
      const put = random() < 0.7 ? pick(PIECES) : String.fromCharCode(random() * 65536)
      out = out.slice(0, at) + put + out.slice(at + cut)
    }
    return out
  }
  return () => {
    const [pathname, search = ''] = (random() < 0.5 ? mutate(pick(PATHS)) : pick(PATHS)).split('?')
    const url = new URL('http://shop')
    url.pathname = pathname!
    url.search = search
    return { path: url.pathname + url.search, body: mutate(pick(BODIES)), type: pick(TYPES) }
  }
}

/** mulberry32: small, fast, and the same everywhere. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

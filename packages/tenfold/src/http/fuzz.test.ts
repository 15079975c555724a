import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { route, startServer } from './testing/index.ts'

/** Cases for one run. The seed is printed with a failure; FUZZ_SEED repeats it, FUZZ_CASES makes more of them. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 1000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)

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

test(`whatever the body and the URL say, the answer is below 500 (seed ${SEED})`, async () => {
  const server = await startServer([
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
  ])
  const random = generator(SEED)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const mutate = (text: string): string => {
    let out = text
    for (let times = Math.floor(random() * 4); times > 0; times--) {
      const at = Math.floor(random() * out.length)
      const cut = Math.floor(random() * 3)
      out =
        out.slice(0, at) + (random() < 0.7 ? pick(PIECES) : String.fromCharCode(random() * 65536)) + out.slice(at + cut)
    }
    return out
  }
  const statuses = new Map<number, number>()
  for (let i = 0; i < CASES; i++) {
    const path = random() < 0.5 ? mutate(pick(PATHS)) : pick(PATHS)
    const body = mutate(pick(BODIES))
    const type = pick(['application/json', 'application/x-www-form-urlencoded', 'application/vnd.x+json', 'text/plain'])
    const url = new URL('http://shop')
    const [pathname, search = ''] = path.split('?')
    url.pathname = pathname!
    url.search = search
    const response = await server.fetch(new Request(url, { method: 'POST', body, headers: { 'content-type': type } }))
    await response.arrayBuffer()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    assert.ok(
      response.status < 500,
      `${response.status} for ${type} ${JSON.stringify(url.href)} ${JSON.stringify(body)}`,
    )
  }
  assert.ok(
    [200, 400, 404, 415].every((status) => statuses.has(status)),
    `all kinds of answers were met: ${[...statuses].join(' ')}`,
  )
  assert.equal(Object.keys(Object.prototype).length, 0)
  await server.stop()
})

/** mulberry32: small, fast, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { slowPatterns } from './patterns.ts'

const findIn = (body: z.ZodType, query: z.ZodType = z.object({})) => {
  const m = defineModule('shop')
  return slowPatterns([
    m.build({ parts: [m.route('POST /orders', { auth: 'public', body, query, handler: async () => {} })] }),
  ])
}

test('patterns that can take for ever are problems, wherever in a schema they are', async () => {
  for (const pattern of [/^(a+)+$/, /^([\w.]+)+@x$/, /(x+x+)+y/]) {
    const { problems } = await findIn(
      z.object({ deep: z.array(z.object({ code: z.string().regex(pattern) })).optional() }),
    )
    assert.equal(problems.length, 1, String(pattern))
    assert.match(problems[0]!, /^POST \/orders: in body, the pattern /)
  }
  const { problems } = await findIn(
    z.unknown(),
    z.object({
      q: z
        .string()
        .min(1)
        .regex(/^(?:[a-z]+\d*)*$/)
        .max(30),
    }),
  )
  assert.match(problems[0]!, /in query/)
})

test('patterns whose time grows with a power of the length are warnings, unless the length is bounded', async () => {
  const trimmed = /^\w+\s*\s*x$/
  const { problems, warnings } = await findIn(z.object({ a: z.string().regex(trimmed) }))
  assert.deepEqual([problems.length, warnings.length], [0, 1])
  assert.deepEqual(await findIn(z.object({ a: z.string().regex(trimmed).max(200) })), { problems: [], warnings: [] })
})

test('what is usual is neither', async () => {
  const body = z.object({
    slug: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
    name: z.string().regex(/^\p{L}+(?: \p{L}+)*$/u),
    mail: z.email(),
    url: z.url(),
    id: z.uuid(),
    at: z.iso.datetime({ offset: true }),
    ip: z.union([z.ipv4(), z.ipv6()]),
    bytes: z.base64(),
    phone: z.e164(),
    token: z.jwt(),
    short: z.nanoid(),
  })
  assert.deepEqual(await findIn(body), { problems: [], warnings: [] })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { generateClient, openapi, text } from './index.ts'
import { route, startServer, type TestServer } from './testing/index.ts'

const routes = [
  route('POST /orders', {
    headers: z.object({
      'idempotency-key': z.string().min(8).describe('A new one for each order.'),
      'X-Copies': z.coerce.number().int().default(1),
    }),
    handle: async ({ headerValues, headers }) => ({ headerValues, agent: headers['user-agent'] }),
  }),
  route('GET /robots.txt', { handle: async () => text('User-agent: *\nDisallow: /') }),
  route('GET /prices', {
    handle: async () => text('a;1', { type: 'text/csv', status: 202, headers: { 'cache-control': 'max-age=60' } }),
  }),
]

describe('headers that a route declares', () => {
  let server: TestServer
  before(async () => {
    server = await startServer(routes)
  })
  after(() => server.stop())

  const order = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${server.url}/orders`, { method: 'POST', headers })

  test('reach the handler as the schema made them, by any spelling; the others stay as they came', async () => {
    const answer = await order({ 'Idempotency-Key': '12345678', 'x-copies': '3', 'user-agent': 'me', 'x-other': 'no' })
    assert.deepEqual(await answer.json(), {
      headerValues: { 'idempotency-key': '12345678', 'X-Copies': 3 },
      agent: 'me',
    })
  })

  test('are refused with 400 and the name of the header', async () => {
    for (const headers of [{}, { 'idempotency-key': 'short' }] as Record<string, string>[]) {
      const answer = await order(headers)
      const problem = (await answer.json()) as { code: string; detail: string; errors: { path: string }[] }
      assert.deepEqual([answer.status, problem.code, problem.errors[0]!.path], [400, 'TF_INVALID', 'idempotency-key'])
      assert.match(problem.detail, /^The headers of the request are not valid/)
    }
  })

  test('stand in the OpenAPI document and in the client', () => {
    const document = openapi(routes, { title: 'shop', version: '1' })
    assert.deepEqual(
      document.paths['/orders']!['post']!.parameters!.map(({ name, in: where, required }) => [name, where, required]),
      [
        ['idempotency-key', 'header', true],
        ['X-Copies', 'header', false],
      ],
    )
    assert.match(
      generateClient(document).dts,
      /"POST \/orders": \{ args: \[options: CallOptions & \{ headers: \{ "idempotency-key": string \| number; "X-Copies"\?: number \}/,
    )
  })
})

test('text is sent with its type, status and headers', async () => {
  const server = await startServer(routes)
  const robots = await server.get('/robots.txt')
  assert.deepEqual(
    [robots.status, robots.headers.get('content-type'), await robots.text()],
    [200, 'text/plain; charset=utf-8', 'User-agent: *\nDisallow: /'],
  )
  const prices = await server.get('/prices')
  assert.deepEqual(
    [prices.status, prices.headers.get('content-type'), prices.headers.get('cache-control')],
    [202, 'text/csv; charset=utf-8', 'max-age=60'],
  )
  await server.stop()
})

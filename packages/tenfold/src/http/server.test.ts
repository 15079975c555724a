import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { defineError } from '../kernel/index.ts'
import { PortTaken } from './errors.ts'
import { created, html, noContent, redirect, respond } from './index.ts'
import { route, startServer, type TestServer } from './testing/index.ts'

const OutOfStock = defineError('SHOP_OUT_OF_STOCK', {
  status: 409,
  says: (e: { left: number }) => `Only ${e.left} are left.`,
  fix: 'Order fewer.',
})
const Order = z.object({ id: z.string(), count: z.int() })

const routes = [
  route('POST /orders', {
    body: z.object({ product: z.string().min(1), count: z.int().positive() }),
    reply: Order,
    status: 201,
    handle: async ({ body }) => ({ id: 'o1', secret: 'cost price', ...(body as object) }),
  }),
  route('GET /orders/:id', {
    params: z.object({ id: z.string().max(10) }),
    query: z.object({ page: z.coerce.number().int().default(1), tag: z.array(z.string()).default([]) }),
    handle: async ({ params, query }) => ({ params, query }),
  }),
  route('GET /mine/:id', { handle: async ({ params, query, body }) => ({ params, query, body: body === undefined }) }),
  route('GET /broken', { reply: Order, handle: async () => ({ id: 5 }) }),
  route('GET /conflict', { handle: async () => Promise.reject(OutOfStock({ left: 2 })) }),
  route('GET /crash', { handle: async () => Promise.reject(new Error('select * from secrets')) }),
  route('GET /nothing', { handle: async () => undefined }),
  route('GET /page', { handle: async () => html('<p>hello</p>') }),
  route('GET /away', { handle: async () => redirect('/page') }),
  route('GET /evil', { handle: async ({ headers }) => redirect(String(headers['x-to'])) }),
  route('POST /made', { reply: Order, handle: async () => created({ id: 'a', count: 1, hidden: true }, '/orders/a') }),
  route('DELETE /made', { handle: async () => noContent() }),
  route('GET /custom', {
    handle: async () =>
      respond({ ok: true }, { status: 202, headers: { 'x-mine': '1' }, cookies: { seen: { value: 'yes' } } }),
  }),
  route('GET /cookie', { handle: async (request) => ({ seen: request.signedCookie('seen') ?? null }) }),
  route('GET /inject', { handle: async () => respond({}, { headers: { 'x-bad': 'a\r\nset-cookie: b=c' } }) }),
  route('GET /ip', { handle: async ({ ip }) => ({ ip }) }),
  route('POST /hook', { raw: true, handle: async ({ rawBody }) => ({ bytes: rawBody!.toString('hex') }) }),
  route('GET /limited', {
    limit: [
      { by: 'ip', max: 2, per: '1h' },
      { by: 'ip', max: 100, per: '1d' },
    ],
    handle: async () => ({}),
  }),
  route('GET /slow', {
    timeout: 100,
    handle: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  }),
]

describe('a server', () => {
  let server: TestServer
  before(async () => {
    server = await startServer(routes, {
      checks: { database: async () => {}, mail: async () => Promise.reject(new Error('refused')) },
    })
  })
  after(() => server.stop())

  test('answers a valid request with what the reply schema declares, and nothing else', async () => {
    const response = await server.post('/orders', { product: 'mug', count: 2 })
    assert.equal(response.status, 201)
    assert.deepEqual(await response.json(), { id: 'o1', count: 2 })
    assert.match(response.headers.get('x-request-id')!, /^[0-9a-f]{32}$/)
  })

  test('answers a body that breaks the schema with 400 and every issue', async () => {
    const response = await server.post('/orders', { product: '', count: 'two' })
    const problem = (await response.json()) as { code: string; errors: { path: string }[]; instance: string }
    assert.equal(response.status, 400)
    assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    assert.equal(problem.code, 'TF_INVALID')
    assert.deepEqual(
      problem.errors.map((issue) => issue.path),
      ['product', 'count'],
    )
    assert.equal(problem.instance, response.headers.get('x-request-id'))
  })

  test('coerces queries through the schema, and takes one value for an array', async () => {
    const one = (await (await server.get('/orders/7?page=3&tag=a')).json()) as { query: unknown }
    assert.deepEqual(one.query, { page: 3, tag: ['a'] })
    const two = (await (await server.get('/orders/7?tag=a&tag=b')).json()) as { query: unknown }
    assert.deepEqual(two.query, { page: 1, tag: ['a', 'b'] })
    assert.equal((await server.get('/orders/7?page=x')).status, 400)
    assert.equal((await server.get(`/orders/${'7'.repeat(11)}`)).status, 400)
  })

  test('hands nothing to the handler that no schema declares', async () => {
    assert.deepEqual(await (await server.get('/mine/4?admin=1')).json(), { params: { id: '4' }, query: {}, body: true })
  })

  test('never sends a reply that breaks its schema, and names the field outside of production', async () => {
    const response = await server.get('/broken')
    const problem = (await response.json()) as { code: string; detail: string }
    assert.equal(response.status, 500)
    assert.equal(problem.code, 'TF_REPLY_INVALID')
    assert.match(problem.detail, /id: .*count: /)
    assert.ok(server.logs.some((log) => log.level === 'error' && log.message === 'GET /broken failed'))
  })

  test('says what happened for an error below 500, and only the code for the rest', async () => {
    const conflict = (await (await server.get('/conflict')).json()) as Record<string, unknown>
    assert.deepEqual(
      [conflict['status'], conflict['code'], conflict['detail']],
      [409, 'SHOP_OUT_OF_STOCK', 'Only 2 are left.'],
    )
    const crash = await (await server.get('/crash')).text()
    assert.match(crash, /TF_INTERNAL/)
    assert.doesNotMatch(crash, /secrets|\.ts|at /)
    const line = server.logs.find((log) => log.message === 'GET /crash failed')
    assert.match(String(line?.fields['stack']), /select \* from secrets[^]*server\.test\.ts/)
  })

  test('answers unknown paths with 404, wrong methods with 405 and Allow, OPTIONS with what is possible', async () => {
    assert.equal((await server.get('/nowhere')).status, 404)
    const wrong = await server.get('/orders', { method: 'PUT' })
    assert.equal(wrong.status, 405)
    assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS')
    const options = await server.get('/orders/1', { method: 'OPTIONS' })
    assert.equal(options.status, 204)
    assert.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS')
  })

  test('answers HEAD like GET without the body', async () => {
    const get = await server.get('/ip')
    const head = await server.get('/ip', { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(head.headers.get('content-length'), get.headers.get('content-length'))
    assert.equal(await head.text(), '')
  })

  test('answers with 204, pages, redirects, 201, and statuses of the handler', async () => {
    assert.equal((await server.get('/nothing')).status, 204)
    const page = await server.get('/page')
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.match(page.headers.get('content-security-policy')!, /default-src 'self'/)
    const away = await server.get('/away', { redirect: 'manual' })
    assert.deepEqual([away.status, away.headers.get('location')], [303, '/page'])
    const made = await server.post('/made', {})
    assert.deepEqual([made.status, made.headers.get('location')], [201, '/orders/a'])
    assert.deepEqual(await made.json(), { id: 'a', count: 1 })
    assert.equal((await server.get('/made', { method: 'DELETE' })).status, 204)
    const custom = await server.get('/custom')
    assert.deepEqual([custom.status, custom.headers.get('x-mine')], [202, '1'])
  })

  test('refuses redirects that lead elsewhere', async () => {
    for (const to of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
      assert.equal((await server.get('/evil', { headers: { 'x-to': to }, redirect: 'manual' })).status, 500, to)
    }
  })

  test('signs cookies and believes only those that it signed under that name', async () => {
    const line = (await server.get('/custom')).headers.get('set-cookie')!
    assert.match(line, /^seen=yes\..*; Path=\/; HttpOnly; SameSite=Lax$/)
    const cookie = line.split(';')[0]!
    const read = async (header: string) =>
      (await (await server.get('/cookie', { headers: { cookie: header } })).json()) as { seen: unknown }
    assert.deepEqual(await read(cookie), { seen: 'yes' })
    assert.deepEqual(await read('seen=yes'), { seen: null })
    assert.deepEqual(await read(cookie.replace('yes', 'no')), { seen: null })
  })

  test('turns a header with a line break into 500, not into two headers', async () => {
    const response = await server.get('/inject')
    assert.equal(response.status, 500)
    assert.equal(response.headers.get('set-cookie'), null)
  })

  test('does not believe X-Forwarded-For from just anyone', async () => {
    const headers = { 'x-forwarded-for': '1.2.3.4' }
    assert.deepEqual(await (await server.get('/ip', { headers })).json(), { ip: '127.0.0.1' })
    const proxied = await startServer(routes, { trustProxy: ['127.0.0.1'] })
    assert.deepEqual(await (await proxied.get('/ip', { headers })).json(), { ip: '1.2.3.4' })
    await proxied.stop()
  })

  test('keeps the exact bytes for webhooks, of any type', async () => {
    const response = await server.post('/hook', '{"a" :1}', { 'content-type': 'text/plain' })
    assert.deepEqual(await response.json(), { bytes: Buffer.from('{"a" :1}').toString('hex') })
  })

  test('tells what is left of a limit, and refuses with 429 and Retry-After', async () => {
    const first = await server.get('/limited')
    assert.equal(first.headers.get('ratelimit-policy'), '"ip";q=2;w=3600, "ip-2";q=100;w=86400')
    assert.match(first.headers.get('ratelimit')!, /^"ip";r=1;t=\d+$/)
    await server.get('/limited')
    const third = await server.get('/limited')
    assert.equal(third.status, 429)
    assert.ok(Number(third.headers.get('retry-after')) > 1000)
    assert.equal(((await third.json()) as { code: string }).code, 'TF_RATE_LIMITED')
  })

  test('gives up on a handler at its timeout, and tells it', async () => {
    const response = await server.get('/slow')
    assert.equal(response.status, 503)
    assert.equal(((await response.json()) as { code: string }).code, 'TF_ROUTE_TIMEOUT')
  })

  test('says which dependency is not ready, and that it lives', async () => {
    assert.equal((await server.get('/health/live')).status, 200)
    const ready = await server.get('/health/ready')
    const health = (await ready.json()) as { status: string; checks: Record<string, { state: string; ms: number }> }
    assert.equal(ready.status, 503)
    assert.equal(health.status, 'failing')
    assert.deepEqual([health.checks['database']!.state, health.checks['mail']!.state], ['ok', 'failed'])
    const line = server.logs.find((log) => log.message.startsWith('GET /health/ready'))
    assert.equal(line?.level, 'debug')
  })

  test('sends the security headers on every answer, errors included', async () => {
    for (const path of ['/ip', '/nowhere', '/crash']) {
      const { headers } = await server.get(path)
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.match(headers.get('content-security-policy')!, /default-src 'none'; frame-ancestors 'none'/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.equal(headers.get('access-control-allow-origin'), null)
      assert.equal(headers.get('strict-transport-security'), null)
    }
  })

  test('records each request as one trace and one line, and continues the trace of the caller', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const response = await server.get('/orders/77?page=2', { headers: { traceparent } })
    const id = response.headers.get('x-request-id')
    const trace = server.traces.find((each) => each.traceId === '0af7651916cd43dd8448eb211c80319c')
    assert.equal(trace?.name, 'GET /orders/:id')
    const { attributes } = trace.spans[0]!
    assert.equal(attributes['http.route'], '/orders/:id')
    assert.equal(attributes['http.response.status_code'], 200)
    assert.equal(attributes['url.path'], '/orders/77')
    const lines = server.logs.filter((log) => log.fields['requestId'] === id)
    assert.equal(lines.length, 1)
    assert.equal(lines[0]!.fields['status'], 200)
  })

  test('answers the same through fetch, without a socket', async () => {
    const response = await server.fetch(
      new Request('http://shop/orders', {
        method: 'POST',
        body: JSON.stringify({ product: 'mug', count: 1 }),
        headers: { 'content-type': 'application/json' },
      }),
    )
    assert.equal(response.status, 201)
    assert.deepEqual(await response.json(), { id: 'o1', count: 1 })
    assert.equal((await server.fetch(new Request('http://shop/nowhere'))).status, 404)
    assert.equal((await server.fetch(new Request('http://shop/nothing'))).status, 204)
  })

  test('says so when the port is taken', async () => {
    await assert.rejects(startServer([], { port: server.port }), (error) => PortTaken.is(error))
  })
})

test('in production an error of ours says its code and nothing else, and HSTS is sent over https', async () => {
  const server = await startServer(routes, { env: 'production', trustProxy: true })
  const response = await server.get('/broken', { headers: { 'x-forwarded-proto': 'https' } })
  const problem = (await response.json()) as Record<string, unknown>
  assert.deepEqual(Object.keys(problem).toSorted(), ['code', 'instance', 'status', 'title', 'type'])
  assert.match(response.headers.get('strict-transport-security')!, /max-age=31536000/)
  await server.stop()
})

test('the same route twice is refused at the start', async () => {
  const twice = [route('GET /a/:x', { handle: async () => 1 }), route('GET /a/:y', { handle: async () => 2 })]
  await assert.rejects(startServer(twice), /declared twice/)
})

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { patternOf, templateOfExpress, templateOfHono, templateOfNext } from './names.ts'

test('what looks like an id is taken out of a path, words stay', () => {
  for (const [path, pattern] of [
    ['/', '/'],
    ['/orders/42/lines', '/orders/:id/lines'],
    ['/users/7f9c1e5a-0000-4000-8000-000000000001', '/users/:id'],
    ['/files/9b74c9897bac770ffc029102a200c5de', '/files/:id'],
    ['/u/ann@example.com', '/u/:id'],
    ['/s/V1StGXR8_Z5jdHi6B-myT', '/s/:id'],
    ['/api/v2/health-check', '/api/v2/health-check'],
    [`/blog/${'a-long-title-'.repeat(5)}`, '/blog/:text'],
    ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h/…'],
  ] as const)
    assert.equal(patternOf(path), pattern)
})

test('the template of Express is that of its routers together; where one was mounted may have an id in it', () => {
  const named = (route: unknown, baseUrl?: string): string | undefined =>
    templateOfExpress({ route, baseUrl } as unknown as IncomingMessage)
  assert.equal(named({ path: '/:id' }, '/shops/7/orders'), '/shops/:id/orders/:id')
  assert.equal(named({ path: '/' }, '/orders'), '/orders')
  assert.equal(named({ path: '/' }), '/')
  assert.equal(named({ path: /^\/ab?c$/ }), String.raw`/^\/ab?c$/`)
  assert.equal(named({ path: ['/a', '/b'] }), undefined)
  assert.equal(named(undefined), undefined)
})

test('the template of Hono is that of the handler, not of middleware', () => {
  const middleware = [[() => {}, { method: 'ALL', path: '/*' }], {}]
  const handler = [[() => {}, { method: 'GET', path: '/customers/:id' }], {}]
  assert.equal(templateOfHono([[middleware, handler]]), '/customers/:id')
  assert.equal(templateOfHono([[middleware]]), undefined)
})

test('the template of Next.js is what it matched', () => {
  const meta = { match: { definition: { pathname: '/orders/[id]' } } }
  assert.equal(templateOfNext({ [Symbol.for('NextInternalRequestMeta')]: meta }), '/orders/[id]')
  assert.equal(templateOfNext({}), undefined)
})

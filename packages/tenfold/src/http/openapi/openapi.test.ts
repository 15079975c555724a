import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { NoJsonSchema } from '../../kernel/index.ts'
import { route } from '../testing/index.ts'
import { openapi } from './index.ts'

const Line = z.object({ sku: z.string(), count: z.int().default(1) }).meta({ id: 'Line' })
const Order = z.object({ id: z.uuid(), lines: z.array(Line), note: z.string().nullable() }).meta({ id: 'Order' })
const Category = z.object({
  name: z.string(),
  get children() {
    return z.array(Category)
  },
})
const handle = async () => ({})
const routes = [
  route('POST /orders', {
    body: z.object({ lines: z.array(Line) }),
    reply: Order,
    status: 201,
    auth: 'user',
    limit: { by: 'user', max: 1, per: '1m' },
    summary: 'Place an order',
    tags: ['shopping'],
    handle,
  }),
  route('GET /orders/:id', {
    params: z.object({ id: z.uuid() }),
    reply: Order,
    auth: { role: ['admin', 'owner'] },
    deprecated: true,
    handle,
  }),
  route('GET /orders', {
    query: z.object({ page: z.coerce.number().optional(), tag: z.array(z.string()) }),
    reply: z.array(Order),
    auth: 'optional',
    handle,
  }),
  route('GET /tree', { reply: Category, handle }),
  route('GET /trees', { reply: z.object({ a: Category, b: Category }), handle }),
  route('PUT /avatar', { body: 'stream', handle }),
  route('GET /assets/*', { handle }),
  route('GET /hidden', { hidden: true, handle }),
]
const document = openapi(routes, { title: 'shop', version: '1.2.3' })

describe('the OpenAPI document', () => {
  test('has the structure that OpenAPI 3.1 asks for', () => {
    assert.match(document.openapi, /^3\.1\.\d+$/)
    assert.deepEqual(document.info, { title: 'shop', version: '1.2.3' })
    const ids = new Set<string>()
    for (const [path, methods] of Object.entries(document.paths)) {
      assert.match(path, /^\//)
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1])
      for (const [method, operation] of Object.entries(methods)) {
        const where = `${method} ${path}`
        assert.match(method, /^(get|post|put|patch|delete)$/, where)
        assert.ok(!ids.has(operation.operationId), `${where}: its id is its own`)
        ids.add(operation.operationId)
        const parameters = operation.parameters ?? []
        assert.deepEqual(
          parameters.filter((each) => each.in === 'path').map((each) => each.name),
          inPath,
          where,
        )
        assert.ok(
          parameters.every((each) => each.in !== 'path' || each.required),
          where,
        )
        assert.equal(new Set(parameters.map((each) => `${each.in} ${each.name}`)).size, parameters.length, where)
        assert.ok(Object.keys(operation.responses).length > 0, where)
        for (const [status, response] of Object.entries(operation.responses)) {
          assert.match(status, /^([1-5](\d\d|XX)|default)$/, where)
          assert.ok('$ref' in response || response.description, where)
        }
        for (const way of operation.security) {
          for (const name of Object.keys(way)) assert.ok(name in document.components.securitySchemes, where)
        }
        assert.ok(
          document.tags.some((tag) => tag.name === operation.tags[0]),
          where,
        )
      }
    }
    for (const name of Object.keys(document.components.schemas)) assert.match(name, /^[A-Za-z0-9._-]+$/)
  })

  test('has only references that lead somewhere, and no leftovers of the schemas they came from', () => {
    const text = JSON.stringify(document)
    const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    assert.ok(refs.length > 5)
    for (const ref of refs) assert.notEqual(follow(ref), undefined, ref)
    assert.doesNotMatch(text, /\$defs|\$schema/)
  })

  test('names schemas once, and apart where what is sent differs from what is answered', () => {
    assert.deepEqual(Object.keys(document.components.schemas).toSorted(), [
      'GetTreeReply',
      'GetTreesReplyschema0',
      'Line',
      'LineOutput',
      'Order',
      'Problem',
    ])
    assert.deepEqual(document.components.schemas['Line']!.required, ['sku'])
    assert.deepEqual(document.components.schemas['LineOutput']!.required, ['sku', 'count'])
    assert.deepEqual(document.components.schemas['Order']!.properties!['lines'], {
      type: 'array',
      items: { $ref: '#/components/schemas/LineOutput' },
    })
  })

  test('keeps schemas that refer to themselves', () => {
    assert.deepEqual(document.components.schemas['GetTreeReply']!.properties!['children'], {
      type: 'array',
      items: { $ref: '#/components/schemas/GetTreeReply' },
    })
  })

  test('says who may call, what may go wrong, and leaves out what is hidden', () => {
    const place = document.paths['/orders']!['post']!
    assert.deepEqual(Object.keys(place.responses).toSorted(), ['201', '400', '401', '429', 'default'])
    assert.deepEqual(place.security, [{ session: [] }, { bearer: [] }])
    assert.deepEqual(
      [place.operationId, place.tags, place.summary],
      ['postOrders', ['shop', 'shopping'], 'Place an order'],
    )
    const one = document.paths['/orders/{id}']!['get']!
    assert.deepEqual(one.security, [{ session: ['admin', 'owner'] }, { bearer: ['admin', 'owner'] }])
    assert.deepEqual([one.operationId, one.deprecated, one['x-route']], ['getOrdersById', true, 'GET /orders/:id'])
    assert.deepEqual(
      document.paths['/orders']!['get']!.parameters!.map(({ name, required }) => [name, required]),
      [
        ['page', false],
        ['tag', true],
      ],
    )
    assert.equal(document.paths['/hidden'], undefined)
  })

  test('names the route whose schema JSON cannot carry', () => {
    const bad = route('GET /when', { reply: z.object({ at: z.date() }), handle })
    assert.throws(
      () => openapi([bad], { title: 'shop', version: '1' }),
      (error: Error) => NoJsonSchema.is(error) && error.message.includes('GET /when'),
    )
  })
})

function follow(ref: string): unknown {
  assert.match(ref, /^#\//)
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], document)
}

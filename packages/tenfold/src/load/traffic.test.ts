import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createStore, migrations } from '../inspect/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { fromRoutes, fromTelemetry } from './traffic.ts'

let db: TestDatabase
before(async () => {
  db = await testDatabase({ migrations: [migrations] })
})
after(() => db.close())

test('recorded traffic is sent again as often as it was, and what cannot be is named', async () => {
  const telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'silent' })
  const store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m' })
  await store.start()
  const request = (name: string, path: string): Promise<void> =>
    telemetry.root({ kind: 'request', name, attributes: { 'url.path': path } }, async (context) => {
      context.span.set('http.response.status_code', 200)
    })
  for (const id of [1, 2, 2]) await request('GET /items/:id', `/items/${id}`)
  await request('POST /orders', '/orders')
  await store.stop()
  const { requests, left } = await fromTelemetry(db.system, 1)
  assert.deepEqual(
    requests.map(({ route, path, weight }) => [route, path, weight]),
    [
      ['GET /items/:id', '/items/1', 0.375],
      ['GET /items/:id', '/items/2', 0.375],
    ],
  )
  assert.deepEqual(left, ['POST /orders, 25.0 % of the requests: what was sent is not kept'])
})

test('of routes alone, only what is public, changes nothing and needs no value is sent', () => {
  const routes = [
    { path: 'GET /items', isPublic: true },
    { path: 'GET /items/:id', isPublic: true },
    { path: 'GET /orders', isPublic: false },
    { path: 'POST /orders', isPublic: true },
  ]
  const { requests, left } = fromRoutes(routes)
  assert.deepEqual(requests, [{ weight: 1, route: 'GET /items', path: '/items' }])
  assert.equal(left.length, 3)
})

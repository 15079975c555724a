import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../kernel/index.ts'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { migrations, openSessions, type Sessions } from '../sessions/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import type { HttpRoute } from './index.ts'
import { route, startServer, type TestServer } from './testing/index.ts'

const routes: HttpRoute[] = [
  route('POST /sign-in', {
    handle: async ({ session, headers }) =>
      session.signIn({ id: String(headers['x-user'] ?? 'u1'), role: String(headers['x-role'] ?? 'customer') }),
  }),
  route('POST /sign-out', { handle: async ({ session }) => session.signOut() }),
  route('POST /cart', { auth: 'optional', handle: async ({ session }) => session.set('cart', [1]) }),
  route('POST /note', { handle: async ({ session }) => session.set('note', 'x') }),
  route('GET /me', {
    auth: 'user',
    handle: async ({ user, session }) => ({ user, id: session.id, data: session.data }),
  }),
  route('GET /maybe', {
    auth: 'optional',
    handle: async ({ user, session }) => ({ user: user ?? null, data: session.data }),
  }),
  route('GET /admin', { auth: { role: ['admin', 'owner'] }, handle: async () => ({}) }),
  route('POST /change', { auth: 'user', handle: async () => ({ changed: true }) }),
  route('POST /open', { handle: async () => ({ changed: true }) }),
]

describe('sessions of requests', () => {
  let database: TestDatabase
  let sessions: Sessions
  let server: TestServer
  before(async () => {
    database = await testDatabase({ migrations: [migrations] })
    const telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'silent' })
    sessions = openSessions({ db: database.system, telemetry, clock: systemClock })
    server = await startServer(routes, { sessions })
  })
  after(async () => {
    await server?.stop()
    await sessions?.close()
    await database?.close()
  })

  const signIn = async (headers: Record<string, string> = {}) => {
    const response = await server.post('/sign-in', {}, headers)
    const { token } = (await response.json()) as { token: string }
    return {
      cookie: response.headers.get('set-cookie')!.split(';')[0]!,
      token,
      line: response.headers.get('set-cookie')!,
    }
  }
  const status = async (path: string, headers: Record<string, string>) => (await server.get(path, { headers })).status

  test('start with a signed, HttpOnly cookie and know the user afterwards', async () => {
    assert.equal(await status('/me', {}), 401)
    const { cookie, line } = await signIn()
    assert.match(line, /^shop_session=.*; Max-Age=7776000; Path=\/; HttpOnly; SameSite=Lax$/)
    const me = (await (await server.get('/me', { headers: { cookie } })).json()) as { user: unknown }
    assert.deepEqual(me.user, { id: 'u1', role: 'customer' })
    assert.equal(await status('/me', { cookie: cookie.slice(0, -3) }), 401)
    assert.ok(server.traces.some((trace) => trace.name === 'GET /me' && trace.userId === 'u1'))
  })

  test('work with a bearer token, and then do not look at the cookie', async () => {
    const { cookie, token } = await signIn()
    assert.equal(await status('/me', { authorization: `Bearer ${token}` }), 200)
    assert.equal(await status('/me', { authorization: 'Bearer nonsense', cookie }), 401)
  })

  test('get a new id at sign-in, so that an id planted before is worth nothing', async () => {
    const cart = await server.post('/cart', {})
    const before = cart.headers.get('set-cookie')!.split(';')[0]!
    const visitor = (await (await server.get('/maybe', { headers: { cookie: before } })).json()) as {
      user: unknown
      data: unknown
    }
    assert.deepEqual(visitor, { user: null, data: { cart: [1] } })
    const { cookie } = await signIn({ cookie: before })
    assert.notEqual(cookie, before)
    assert.equal(await status('/me', { cookie: before }), 401)
    assert.equal(await status('/me', { cookie }), 200)
  })

  test('carry what a visitor collected over to the sign-in, and nothing from one user to another', async () => {
    const cart = (await server.post('/cart', {})).headers.get('set-cookie')!.split(';')[0]!
    const data = async (cookie: string) =>
      ((await (await server.get('/me', { headers: { cookie } })).json()) as { data: unknown }).data
    const { cookie } = await signIn({ cookie: cart })
    assert.deepEqual(await data(cookie), { cart: [1] })
    const other = await signIn({ cookie, 'x-user': 'u2' })
    assert.deepEqual(await data(other.cookie), {})
  })

  test('keep their user when a route that does not look them up adds to them', async () => {
    const { cookie } = await signIn()
    await server.post('/note', {}, { cookie })
    const me = (await (await server.get('/me', { headers: { cookie } })).json()) as { user: unknown; data: unknown }
    assert.deepEqual([me.user, me.data], [{ id: 'u1', role: 'customer' }, { note: 'x' }])
  })

  test('end at once with sign-out', async () => {
    const { cookie } = await signIn()
    const out = await server.post('/sign-out', {}, { cookie })
    assert.match(out.headers.get('set-cookie')!, /^shop_session=; Max-Age=0/)
    assert.equal(await status('/me', { cookie }), 401)
  })

  test('let only the role through that the route asks for', async () => {
    assert.equal(await status('/admin', { cookie: (await signIn()).cookie }), 403)
    assert.equal(await status('/admin', { cookie: (await signIn({ 'x-role': 'owner' })).cookie }), 200)
  })

  test('cannot be used by pages of other sites', async () => {
    const { cookie, token } = await signIn()
    const change = async (headers: Record<string, string>) => {
      const head = Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')
      const answer = await server.raw(
        `POST /change HTTP/1.1\r\nhost: shop.test\r\n${head}content-length: 0\r\nconnection: close\r\n\r\n`,
      )
      return Number(answer.split(' ')[1])
    }
    assert.equal(await change({ cookie }), 200, 'not a browser')
    assert.equal(await change({ cookie, 'sec-fetch-site': 'same-origin' }), 200)
    assert.equal(await change({ cookie, origin: 'http://shop.test' }), 200)
    assert.equal(await change({ cookie, 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await change({ cookie, 'sec-fetch-site': 'same-site', origin: 'http://other.shop.test' }), 403)
    assert.equal(await change({ cookie, origin: 'http://evil.test' }), 403)
    assert.equal(await change({ cookie, origin: 'null' }), 403)
    assert.equal(await change({ authorization: `Bearer ${token}`, origin: 'http://evil.test' }), 200)
    assert.equal(await change({ cookie, authorization: 'Basic eDp5', origin: 'http://evil.test' }), 403)
  })

  test('use a __Host- cookie in production over https', async () => {
    const production = await startServer(routes, { sessions, env: 'production', trustProxy: true })
    const response = await production.post('/sign-in', {}, { 'x-forwarded-proto': 'https' })
    assert.match(
      response.headers.get('set-cookie')!,
      /^__Host-shop_session=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    await production.stop()
  })
})

describe('pages of other origins', () => {
  test('may read and change what the allow-list says, and nothing without it', async () => {
    const origin = 'https://app.example.com'
    const open = await startServer(routes, { cors: { origins: [origin] } })
    const preflight = await open.get('/open', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
    assert.match(preflight.headers.get('access-control-allow-methods')!, /POST/)
    assert.equal(preflight.headers.get('vary'), 'origin')
    assert.equal((await open.post('/open', {}, { origin, 'sec-fetch-site': 'cross-site' })).status, 200)
    assert.equal(
      (await open.post('/open', {}, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' })).status,
      403,
    )
    assert.equal(
      (await open.get('/maybe', { headers: { origin: 'https://evil.test' } })).headers.get(
        'access-control-allow-origin',
      ),
      null,
    )
    await open.stop()
  })
})

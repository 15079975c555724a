import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import app from '../app.ts'
import { newKey, openShop, orderOf, type Shop } from './shop.ts'
import type { Visitor } from './visitor.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'

const ROUTES = app.modules.flatMap((module) => module.parts.filter((part) => part.kind === 'route'))

describe('every route', () => {
  let shop: Shop
  let product: string
  before(async () => {
    shop = await openShop()
    product = await shop.product({ name: 'Red kettle', category: 'Kitchen', price: 4200 })
  })
  after(() => shop.close())

  test('that needs somebody turns away nobody, and customers where it needs an administrator', async () => {
    const [stranger, customer] = [shop.visitor(), await shop.customer()]
    for (const { path, options } of ROUTES) {
      const [method = '', pattern = ''] = path.split(' ')
      const at = pattern.replace(/:\w+/g, NOBODY)
      const needsUser = options.auth === 'user' || typeof options.auth === 'object'
      if (needsUser)
        assert.equal((await stranger.send(method, at, method === 'GET' ? undefined : {})).status, 401, path)
      if (typeof options.auth === 'object')
        assert.equal((await customer.send(method, at, method === 'GET' ? undefined : {})).status, 403, path)
      assert.equal(pattern.startsWith('/admin'), typeof options.auth === 'object', `${path} is for administrators`)
    }
  })

  test('answers hostile input with a clear 4xx', async () => {
    const admin = await shop.admin()
    const hostile = [
      'x',
      '{',
      '[]',
      '{"a":',
      '{"__proto__":{"role":"admin"}}',
      '"\\u0000"',
      '9'.repeat(2000),
      '[['.repeat(50_000),
    ]
    const json = { 'content-type': 'application/json', 'idempotency-key': 'hostile-bodies' }
    for (const { path, options } of ROUTES.filter(({ options }) => options.body)) {
      const [method = '', pattern = ''] = path.split(' ')
      const at = pattern.replace(/:\w+/g, NOBODY)
      for (const body of hostile) {
        const { status } = await admin.send(method, at, body, json)
        assert.ok(status >= 400 && status < 500, `${path} answered ${status} to ${body.slice(0, 30)}`)
      }
      if (options.body !== 'stream') {
        const large = await admin.send(method, at, `"${'x'.repeat(1_100_000)}"`, json)
        assert.equal(large.status, 413, path)
      }
    }
    for (const path of [
      '/products?limit=0',
      '/products?after=%00',
      '/products?after=x',
      '/products?sort=worst',
      '/orders/1',
      "/products/'--",
    ]) {
      const { status } = await admin.get(path)
      assert.ok(status >= 400 && status < 500, `${path} answered ${status}`)
    }
  })

  test('of the account works', async () => {
    const carla = await shop.customer('Carla')
    assert.equal((await shop.visitor().get<{ user: unknown }>('/sessions/mine')).body.user, null)
    assert.equal((await carla.get<{ name: string }>('/me')).body.name, 'Carla')
    const renamed = await carla.send<{ name: string }>('PATCH', '/me', { name: 'Carla C.', role: 'admin' })
    assert.deepEqual(renamed.body, { ...renamed.body, name: 'Carla C.', role: 'customer' })
    assert.equal('password_hash' in renamed.body, false)
    const twice = await shop
      .visitor()
      .post('/users', { email: carla.email.toUpperCase(), name: 'X', password: 'a long password' })
    assert.deepEqual([twice.status, twice.body.code], [409, 'SHOP_EMAIL_TAKEN'])

    assert.equal((await carla.send('DELETE', '/sessions/mine')).status, 204)
    assert.equal((await carla.get('/me')).status, 401)
    const wrong = await carla.post('/sessions', { email: carla.email, password: 'not the password' })
    const unknown = await carla.post('/sessions', { email: 'nobody@mail.example', password: 'not the password' })
    assert.deepEqual([wrong.status, wrong.body.code, wrong.body.detail], [401, 'SHOP_WRONG_LOGIN', unknown.body.detail])
    assert.equal((await carla.post('/sessions', { email: carla.email, password: 'a long password' })).status, 200)
    assert.equal((await carla.get('/me')).status, 200)
  })

  test('of the avatar takes images and nothing else', async () => {
    const carla = await shop.customer()
    const put = (bytes: Uint8Array) =>
      carla.send<{ code: string; state: string }>('PUT', '/me/avatar', bytes, { 'content-type': 'image/png' })
    assert.equal((await carla.get<{ state: string }>('/me/avatar')).body.state, 'none')
    assert.deepEqual((await put(Buffer.from('<script>alert(1)</script>'))).body.code, 'SHOP_NOT_AN_IMAGE')
    assert.equal((await put(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))).status, 415)
    const bomb = await sharp({
      create: { width: 9000, height: 9000, channels: 3, background: '#000' },
      limitInputPixels: false,
    })
      .png()
      .toBuffer()
    assert.ok(bomb.length < 1_000_000)
    assert.equal((await put(bomb)).status, 415)
    assert.equal((await put(new Uint8Array(11 * 1024 * 1024))).status, 413)

    const good = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#0a0' } })
      .png()
      .toBuffer()
    assert.equal((await put(good.subarray(0, good.length - 40))).status, 202, 'its header is fine; the job will see')
    assert.equal((await put(good)).status, 202)
    await shop.app.drain()
    const shown = await carla.get<{ state: string; pictures: Record<string, string> }>('/me/avatar')
    assert.equal(shown.body.state, 'ready')
    const small = await fetch(new URL(shown.body.pictures.small!, shop.app.url))
    assert.equal((await sharp(Buffer.from(await small.arrayBuffer())).metadata()).width, 64)
    const [path] = shown.body.pictures.large!.split('?')
    const forged = `${path}?${shown.body.pictures.small!.split('?')[1]}`
    assert.equal((await fetch(new URL(forged, shop.app.url))).status, 403, 'a link is for one file')
    assert.equal((await carla.send('DELETE', '/me/avatar')).status, 204)
    assert.equal((await carla.get<{ state: string }>('/me/avatar')).body.state, 'none')
  })

  test('of the catalogue works, page after page', async () => {
    const visitor = shop.visitor()
    const ids = await Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        shop.product({ name: `Green lamp ${i}`, category: 'Light', price: 100 * (i % 5) + 1 }),
      ),
    )
    for (const sort of ['newest', 'price']) {
      const seen: { id: string; price: number }[] = []
      let next: string | null = ''
      while (next !== null) {
        const query = new URLSearchParams({ q: 'green lamp', sort, limit: '7', ...(next && { after: next }) })
        const page = await visitor.get<{ items: { id: string; price: number }[]; next: string | null }>(
          `/products?${query}`,
        )
        seen.push(...page.body.items)
        next = page.body.next
      }
      assert.deepEqual(new Set(seen.map(({ id }) => id)), new Set(ids), sort)
      assert.equal(seen.length, 25)
      if (sort === 'price') assert.ok(seen.every(({ price }, i) => i === 0 || price >= seen[i - 1]!.price))
    }
    assert.deepEqual((await visitor.get<{ items: unknown[] }>('/products?q=%27%3B%20drop%20table')).body.items, [])
    assert.equal((await visitor.get('/products/' + NOBODY)).body.code, 'SHOP_NO_PRODUCT')
    const picture = await visitor.get<string>(`/products/${product}/picture.svg`)
    assert.equal(picture.headers.get('content-type'), 'image/svg+xml')
  })

  test('of the catalogue for administrators changes what everybody sees at once', async () => {
    const [visitor, admin] = [shop.visitor(), await shop.admin()]
    const before = await visitor.get<{ name: string; products: number }[]>('/categories')
    assert.ok(!before.body.some(({ name }) => name === 'Garden'))
    const fields = { sku: 'SPADE-1', name: 'Spade', description: 'Digs.', category: 'Garden', price: 1999, stock: 3 }
    const made = await admin.post<{ id: string; code: string }>('/admin/products', fields)
    assert.equal(made.status, 201)
    assert.equal((await admin.post('/admin/products', fields)).body.code, 'SHOP_SKU_TAKEN')
    const page = () => visitor.get<{ price: number; code: string }>(`/products/${made.body.id}`)
    assert.equal((await page()).body.price, 1999)
    await admin.send('PATCH', `/admin/products/${made.body.id}`, { price: 1499 })
    assert.equal((await page()).body.price, 1499)
    assert.ok((await visitor.get<{ name: string }[]>('/categories')).body.some(({ name }) => name === 'Garden'))
    await admin.send('PATCH', `/admin/products/${made.body.id}`, { active: false })
    assert.equal((await page()).body.code, 'SHOP_NO_PRODUCT')
  })

  test('of the cart keeps one line a product', async () => {
    const carla = await shop.customer()
    for (const quantity of [1, 5, 2]) {
      assert.equal((await carla.send('PUT', `/cart/${product}`, { quantity })).status, 204)
    }
    const cart = await carla.get<{ lines: { quantity: number }[]; total: number }>('/cart')
    assert.deepEqual([cart.body.lines.length, cart.body.lines[0]?.quantity, cart.body.total], [1, 2, 8400])
    assert.equal((await carla.send('PUT', `/cart/${product}`, { quantity: 0 })).status, 400)
    assert.equal((await carla.send('PUT', `/cart/${NOBODY}`, { quantity: 1 })).body.code, 'SHOP_NOT_SOLD')
    assert.equal((await carla.send('DELETE', `/cart/${product}`)).status, 204)
    assert.equal((await carla.get<{ total: number }>('/cart')).body.total, 0)
  })

  test('of an order that is too large refuses it and takes nothing off the shelf', async () => {
    const palace = await shop.product({ price: 60_000_000, stock: 5 })
    const { status, body } = await (await shop.customer()).post('/orders', orderOf(palace, 2), newKey())
    assert.deepEqual([status, body.code], [422, 'SHOP_ORDER_TOO_LARGE'])
    assert.equal(await shop.stockOf(palace), 5)
  })

  test('of orders shows everybody their own', async () => {
    const [carla, dora, admin] = [await shop.customer(), await shop.customer(), await shop.admin()]
    const { body } = await carla.post('/orders', orderOf(product), newKey())
    for (let i = 0; i < 3; i++) await carla.post('/orders', orderOf(product), newKey())
    assert.equal((await dora.get(`/orders/${body.id}`)).status, 404)
    assert.equal((await admin.get(`/orders/${body.id}`)).status, 200)
    assert.deepEqual((await dora.get<{ items: unknown[] }>('/orders')).body.items, [])
    const first = await carla.get<{ items: { id: string }[]; next: string }>('/orders?limit=3')
    const second = await carla.get<{ items: { id: string }[]; next: null }>(`/orders?limit=3&after=${first.body.next}`)
    assert.deepEqual(
      [first.body.items.length, second.body.items.map(({ id }) => id), second.body.next],
      [3, [body.id], null],
    )
    await shop.app.drain()
    assert.equal((await admin.post(`/admin/orders/${NOBODY}/refund`)).body.code, 'SHOP_NO_ORDER')
    const declined = await carla.post('/orders', orderOf(product, 1, 'tok_declined'), newKey())
    await shop.app.drain()
    assert.equal((await admin.post(`/admin/orders/${declined.body.id}/refund`)).body.code, 'SHOP_NOT_REFUNDABLE')
  })

  test('of the reports works', async () => {
    const admin: Visitor = await shop.admin()
    assert.equal((await admin.get<unknown[]>('/admin/sales')).status, 200)
    const begun = await admin.post('/admin/exports')
    assert.equal(begun.status, 202)
    await shop.app.drain()
    const done = await admin.get<{ state: string; rows: number; url: string }>(`/admin/exports/${begun.body.id}`)
    assert.equal(done.body.state, 'ready')
    const csv = await (await fetch(new URL(done.body.url, shop.app.url))).text()
    assert.equal(csv.trimEnd().split('\r\n').length, done.body.rows + 1)
    assert.equal((await admin.get(`/admin/exports/${NOBODY}`)).body.code, 'SHOP_NO_EXPORT')
  })
})

test('guessing passwords is slowed down', async () => {
  const shop = await openShop()
  try {
    const guess = () => shop.visitor().post('/sessions', { email: 'admin@shop.example', password: 'guess' })
    const answers = await Promise.all(Array.from({ length: 30 }, guess))
    const heard = answers.filter(({ status }) => status === 401).length
    assert.ok(heard >= 20 && heard <= 23, `${heard} of 30 were looked at`) // one more comes free every three seconds
    const [slowed] = answers.filter(({ status }) => status === 429)
    assert.ok(Number(slowed?.headers.get('retry-after')) > 0)
  } finally {
    await shop.close()
  }
})

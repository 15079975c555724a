import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { ADDRESS, newKey, openShop, orderOf, until, WAYS, type Shop } from './shop.ts'

interface Order {
  id: string
  state: string
  failure: string | null
  total: number
  lines: unknown[]
}

for (const via of WAYS)
  describe(`a purchase from sign-up to refund (${via})`, () => {
    let shop: Shop
    before(async () => void (shop = await openShop({ via })))
    after(() => shop.close())

    test('goes through every module and leaves one charge, one receipt and full shelves', async () => {
      const mug = await shop.product({ stock: 5, price: 1250 })
      const plate = await shop.product({ name: 'Plate', stock: 5, price: 300 })
      const carla = await shop.customer()

      const photo = await sharp({ create: { width: 900, height: 600, channels: 3, background: '#48c' } })
        .jpeg()
        .toBuffer()
      const uploaded = await carla.send<{ state: string }>('PUT', '/me/avatar', photo, { 'content-type': 'image/jpeg' })
      assert.equal(uploaded.status, 202)
      assert.equal(uploaded.body.state, 'processing')

      await carla.send('PUT', `/cart/${mug}`, { quantity: 2 })
      await carla.send('PUT', `/cart/${plate}`, { quantity: 1 })
      const cart = await carla.get<{ total: number; lines: unknown[] }>('/cart')
      assert.equal(cart.body.total, 2 * 1250 + 300)

      const placed = await carla.post<Order>('/orders', { card: 'tok_visa', address: ADDRESS }, newKey())
      assert.equal(placed.status, 201)
      assert.equal(placed.headers.get('location'), `/orders/${placed.body.id}`)
      assert.deepEqual([placed.body.state, placed.body.total], ['placed', 2800])
      assert.deepEqual((await carla.get<{ lines: unknown[] }>('/cart')).body.lines, [])
      await shop.app.drain()

      const order = await carla.get<Order>(`/orders/${placed.body.id}`)
      assert.equal(order.body.state, 'paid')
      assert.equal(await shop.stockOf(mug), 3)
      assert.deepEqual(
        shop.provider.ledger.byReference(order.body.id).map(({ state, amount }) => [state, amount]),
        [['succeeded', 2800]],
      )

      const mails = shop.mailbox.to(carla.email)
      assert.deepEqual(
        new Set(mails.map((mail) => mail.subject)),
        new Set(['Welcome to the shop', `Your order ${order.body.id.slice(-8)}`]),
      )
      assert.equal(mails.length, 2)
      const receipt = mails.find((mail) => mail.attachments.length > 0)!.attachments[0]!
      assert.equal(receipt.mimeType, 'application/pdf')
      const pdf = Buffer.from(receipt.content as ArrayBuffer)
      assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
      assert.match(pdf.subarray(-1024).toString('latin1'), /startxref\s+\d+\s+%%EOF\s*$/)

      const me = await carla.get<{ avatar: string }>('/me')
      const picture = await fetch(new URL(me.body.avatar, shop.app.url))
      assert.equal(picture.status, 200)
      assert.equal(picture.headers.get('content-type'), 'image/webp')
      const { width, height } = await sharp(Buffer.from(await picture.arrayBuffer())).metadata()
      assert.deepEqual([width, height], [256, 256])

      const admin = await shop.admin()
      const refund = await admin.post<{ state: string }>(`/admin/orders/${order.body.id}/refund`)
      assert.deepEqual([refund.status, refund.body.state], [202, 'refunding'])
      await admin.post(`/admin/orders/${order.body.id}/refund`) // once more: nothing is given back twice
      await shop.app.drain()
      assert.equal((await carla.get<Order>(`/orders/${order.body.id}`)).body.state, 'refunded')
      assert.equal(await shop.stockOf(mug), 5)
      assert.equal(await shop.stockOf(plate), 5)
      assert.equal(shop.provider.ledger.totals().refunded, 1)
      assert.equal(shop.mailbox.to(carla.email).filter((mail) => mail.subject?.startsWith('Your money')).length, 1)
    })

    test('ends with the pieces back on the shelf when the card is declined', async () => {
      const mug = await shop.product({ stock: 5 })
      const carla = await shop.customer()
      const { body } = await carla.post<Order>('/orders', orderOf(mug, 2, 'tok_declined'), newKey())
      await shop.app.drain()
      const order = await carla.get<Order>(`/orders/${body.id}`)
      assert.deepEqual([order.body.state, order.body.failure], ['payment_failed', 'declined'])
      assert.equal(await shop.stockOf(mug), 5)
      assert.equal(shop.mailbox.to(carla.email).length, 1, 'a welcome and no receipt')
    })

    test('is flagged when it looks like fraud', async () => {
      const yacht = await shop.product({ name: 'Yacht', price: 250_000 })
      const carla = await shop.customer()
      const { body } = await carla.post<Order>('/orders', orderOf(yacht, 1, 'tok_visa_us'), newKey())
      await shop.app.drain()
      const score = await shop.app
        .db('billing')
        .selectFrom('fraud_scores')
        .selectAll()
        .where('order_id', '=', body.id)
        .executeTakeFirst()
      assert.deepEqual(score?.reasons, ['large order', 'large order of a new account', 'card of another country'])
      const order = await shop.app
        .db('orders')
        .selectFrom('orders')
        .select('flagged_at')
        .where('id', '=', body.id)
        .executeTakeFirst()
      assert.ok(order?.flagged_at instanceof Date)
    })
  })

describe('an order', () => {
  let shop: Shop
  before(async () => void (shop = await openShop()))
  after(() => shop.close())

  test('is made once, however often and however parallel the same request comes', async () => {
    const mug = await shop.product({ stock: 50 })
    const carla = await shop.customer()
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 8 }, () => carla.post<Order>('/orders', orderOf(mug), key)))
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([201]))
    assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
    await shop.app.drain()
    assert.equal((await carla.get<{ items: unknown[] }>('/orders')).body.items.length, 1)
    assert.equal(shop.provider.ledger.byReference(answers[0]!.body.id).length, 1)
    assert.equal(await shop.stockOf(mug), 49)
    const other = await carla.post('/orders', orderOf(mug, 2), key)
    assert.deepEqual([other.status, other.body.code], [422, 'SHOP_IDEMPOTENCY_KEY_REUSED'])
    assert.equal((await carla.post('/orders', orderOf(mug))).body.code, 'TF_INVALID')
  })

  test('of the last ten pieces goes to ten of fifty buyers', async () => {
    const mug = await shop.product({ stock: 10 })
    const other = await shop.product({ stock: 1000 })
    const buyers = await Promise.all(Array.from({ length: 10 }, () => shop.customer()))
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const lines = [
          { productId: mug, quantity: 1 },
          { productId: other, quantity: 1 },
        ]
        const order = { ...orderOf(mug), lines: i % 2 ? lines : lines.toReversed() } // in both orders: no deadlock
        return buyers[i % 10]!.post('/orders', order, newKey())
      }),
    )
    const sold = answers.filter((answer) => answer.status === 201)
    const refused = answers.filter((answer) => answer.status === 409)
    assert.deepEqual([sold.length, refused.length], [10, 40])
    assert.deepEqual(new Set(refused.map((answer) => answer.body.code)), new Set(['SHOP_OUT_OF_STOCK']))
    await shop.app.drain()
    assert.equal(await shop.stockOf(mug), 0)
    assert.equal(await shop.stockOf(other), 990, 'all or nothing')
    assert.equal((await shop.visitor().get<{ stock: number }>(`/products/${mug}`)).body.stock, 0)
  })

  test('of an empty cart is refused, and two orders of one cart make one', async () => {
    const mug = await shop.product()
    const carla = await shop.customer()
    const checkout = () =>
      carla.post<Order & { code: string }>('/orders', { card: 'tok_visa', address: ADDRESS }, newKey())
    assert.equal((await checkout()).body.code, 'SHOP_CART_EMPTY')
    await carla.send('PUT', `/cart/${mug}`, { quantity: 1 })
    const answers = await Promise.all([checkout(), checkout(), checkout()])
    assert.equal(answers.filter((answer) => answer.status === 201).length, 1)
    await shop.app.drain()
    assert.equal(await shop.stockOf(mug), 99, 'what was reserved for the others is back')
  })
})

describe('a payment provider that fails half of the time', () => {
  let shop: Shop
  before(async () => void (shop = await openShop({ failureRate: 0.5 })))
  after(() => shop.close())

  test('still charges every order once', async () => {
    const mug = await shop.product({ stock: 100 })
    const carla = await shop.customer()
    const orders = await Promise.all(
      Array.from({ length: 25 }, () => carla.post<Order>('/orders', orderOf(mug), newKey())),
    )
    const ids = orders.map((order) => order.body.id)
    await settled(shop, ids)
    for (const id of ids) assert.equal(shop.provider.ledger.byReference(id).length, 1, id)
    assert.deepEqual(shop.provider.ledger.totals().charges, 25)
    const receipts = shop.mailbox.to(carla.email).filter((mail) => mail.subject?.startsWith('Your order'))
    assert.equal(receipts.length, 25)
  })
})

/** Retries wait for their time; `drain` does not count them. */
async function settled(shop: Shop, ids: string[]): Promise<void> {
  await until(
    'all orders are paid',
    async () => {
      const rows = await shop.app.db('orders').selectFrom('orders').select('state').where('id', 'in', ids).execute()
      return rows.every((row) => row.state === 'paid')
    },
    40_000,
  )
  await shop.app.drain()
}

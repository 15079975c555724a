import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newKey, openShop, orderOf, type Shop } from './shop.ts'

describe('at its time', () => {
  let shop: Shop
  before(async () => void (shop = await openShop()))
  after(() => shop.close())

  async function run(cron: string): Promise<void> {
    await shop.app.instance.crons.runNow(cron)
    await shop.app.drain()
  }

  test('a cart line that nobody touched for a month goes, and younger ones stay', async () => {
    const [old, young] = [await shop.product(), await shop.product()]
    const carla = await shop.customer()
    for (const product of [old, young]) await carla.send('PUT', `/cart/${product}`, { quantity: 1 })
    await shop.app.db('orders')
      .sql`update cart_lines set changed_at = now() - interval '31 days' where product_id = ${old}`
    await run('orders.expire-carts')
    const { lines } = (await carla.get<{ lines: { productId: string }[] }>('/cart')).body
    assert.deepEqual(
      lines.map((line) => line.productId),
      [young],
    )
  })

  test('a reservation whose request died goes back on the shelf, once; kept ones stay', async () => {
    const mug = await shop.product({ stock: 10 })
    const carla = await shop.customer()
    const { body } = await carla.post('/orders', orderOf(mug, 3), newKey())
    await shop.app.drain()
    const forgotten = crypto.randomUUID()
    await shop.app.db('catalog').sql`
      with held as (insert into reservations (id, held_until) values (${forgotten}, now() - interval '1 minute') returning id),
           lines as (insert into reservation_lines select id, ${mug}, 2 from held)
      update products set stock = stock - 2 where id = ${mug}`
    await shop.app.db('catalog')
      .sql`update reservations set held_until = now() - interval '1 minute' where id = ${body.id}`
    for (let i = 0; i < 2; i++) await run('catalog.release-forgotten')
    assert.equal(await shop.stockOf(mug), 7)
  })

  test('an order whose job was given up is charged after all', async () => {
    const mug = await shop.product()
    const carla = await shop.customer()
    const { body } = await carla.post('/orders', orderOf(mug), newKey())
    await shop.app.drain()
    await shop.app.db('orders').sql`
      update orders set state = 'placed', paid_at = null, placed_at = now() - interval '1 hour' where id = ${body.id}`
    await run('orders.resume-payments')
    const order = await carla.get<{ state: string }>(`/orders/${body.id}`)
    assert.equal(order.body.state, 'paid')
    assert.equal(shop.provider.ledger.byReference(body.id).length, 1, 'and not twice')
  })

  test('the sales of yesterday are added up, again when a refund has changed them', async () => {
    const mug = await shop.product({ price: 500 })
    const carla = await shop.customer()
    for (let i = 0; i < 2; i++) await carla.post('/orders', orderOf(mug, 2), newKey())
    await shop.app.drain()
    const orders = shop.app.db('orders')
    await orders.sql`delete from orders where user_id <> (select user_id from orders order by id desc limit 1)`
    await orders.sql`update orders set paid_at = now() - interval '1 day'`
    await run('orders.roll-up-sales')
    const admin = await shop.admin()
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
    const sales = async () =>
      (await admin.get<{ day: string }[]>('/admin/sales')).body.find(({ day }) => day === yesterday)
    assert.deepEqual(await sales(), { day: yesterday, orders: 2, revenue: 2000 })
    await orders.sql`update orders set state = 'refunded' where id = (select id from orders limit 1)`
    await run('orders.roll-up-sales')
    assert.deepEqual(await sales(), { day: yesterday, orders: 1, revenue: 1000 })
  })
})

/** Hono on Node.js: `DATABASE_URL=postgres://… node hono/server.ts` */
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { networkOf } from 'tenfold/limits'
import { openShop } from '../shop.ts'

const shop = await openShop(process.env.DATABASE_URL!)
const app = new Hono()

app.post('/sign-in', async (c) => {
  const address = getConnInfo(c).remote.address ?? ''
  if (!(await shop.signIns.admit(networkOf(address), c.res.headers))) return c.body(null, 429)
  const session = await shop.sessions.of(c.req.raw, c.res.headers)
  const { name } = await c.req.json<{ name: string }>()
  await session.signIn(name, {}, { ip: address })
  return c.body(null, 204)
})

app.post('/sign-out', async (c) => {
  const session = await shop.sessions.of(c.req.raw, c.res.headers)
  await session.signOut()
  return c.body(null, 204)
})

app.get('/me', async (c) => {
  const { userId } = await shop.sessions.of(c.req.raw, c.res.headers)
  return userId === undefined ? c.body(null, 401) : c.json({ name: userId })
})

app.get('/prices/:product', async (c) => c.json({ price: await shop.priceOf(c.req.param('product')) }))

app.put('/prices/:product', async (c) => {
  const { price } = await c.req.json<{ price: number }>()
  await shop.setPrice(c.req.param('product'), price)
  return c.body(null, 204)
})

app.post('/orders', async (c) => {
  const { product } = await c.req.json<{ product: string }>()
  return c.json({ id: await shop.placeOrder(product) }, 201)
})

app.get('/orders/:id', async (c) => {
  const order = await shop.findOrder(Number(c.req.param('id')))
  return order ? c.json(order) : c.notFound()
})

if (process.env.WORKER !== 'off') await shop.work()
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
)
process.once('SIGTERM', () => server.close(() => void shop.close()))

/** Express: `DATABASE_URL=postgres://… node express/server.ts` */
import express from 'express'
import { networkOf } from 'tenfold/limits'
import { openShop } from '../shop.ts'

const shop = await openShop(process.env.DATABASE_URL!)
const app = express()
app.use(express.json())

app.post('/sign-in', async (request, response) => {
  if (!(await shop.signIns.admit(networkOf(request.ip ?? ''), response))) return response.sendStatus(429)
  const session = await shop.sessions.of(request, response)
  await session.signIn(String(request.body.name))
  response.sendStatus(204)
})

app.post('/sign-out', async (request, response) => {
  const session = await shop.sessions.of(request, response)
  await session.signOut()
  response.sendStatus(204)
})

app.get('/me', async (request, response) => {
  const { userId } = await shop.sessions.of(request, response)
  if (userId === undefined) response.sendStatus(401)
  else response.json({ name: userId })
})

app.get('/prices/:product', async (request, response) => {
  response.json({ price: await shop.priceOf(request.params.product) })
})

app.put('/prices/:product', async (request, response) => {
  await shop.setPrice(request.params.product, Number(request.body.price))
  response.sendStatus(204)
})

app.post('/orders', async (request, response) => {
  response.status(201).json({ id: await shop.placeOrder(String(request.body.product)) })
})

app.get('/orders/:id', async (request, response) => {
  const order = await shop.findOrder(Number(request.params.id))
  if (order) response.json(order)
  else response.sendStatus(404)
})

if (process.env.WORKER !== 'off') await shop.work()
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`)
})
process.once('SIGTERM', () => server.close(() => void shop.close()))

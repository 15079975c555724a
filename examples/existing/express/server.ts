/** Express: `DATABASE_URL=postgres://… node express/server.ts` */
import express from 'express'
import { openShop } from '../shop.ts'

const shop = await openShop(process.env.DATABASE_URL!)
const app = express()
app.use(express.json())

app.post('/orders', async (request, response) => {
  const id = await shop.placeOrder(String(request.body.product))
  response.status(201).json({ id })
})

app.get('/orders/:id', async (request, response) => {
  const order = await shop.findOrder(Number(request.params.id))
  if (order) response.json(order)
  else response.sendStatus(404)
})

if (process.env.WORKER !== 'off') await shop.queue.work()
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})
process.once('SIGTERM', () => server.close(() => void shop.close()))

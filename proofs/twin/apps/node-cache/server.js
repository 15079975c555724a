import express from 'express'
import { Redis } from 'ioredis'
import NodeCache from 'node-cache'

const app = express()
const redis = new Redis(process.env.REDIS_URL)
const cache = new NodeCache({ stdTTL: 600 })
app.use(express.json())

app.get('/products/:id', async (request, response) => {
  const { id } = request.params
  if (!cache.has(id)) cache.set(id, await redis.get(`price:${id}`))
  response.json({ id, price: cache.get(id) })
})

app.put('/products/:id', async (request, response) => {
  const { id } = request.params
  await redis.set(`price:${id}`, request.body.price)
  cache.del(id)
  response.json({ id })
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))

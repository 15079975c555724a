import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
const prices = new Map()

app.get('/products/:id', async (request) => {
  const { id } = request.params
  if (!prices.has(id)) prices.set(id, await redis.get(`price:${id}`))
  return { id, price: prices.get(id) }
})

app.put('/products/:id', async (request) => {
  const { id } = request.params
  await redis.set(`price:${id}`, request.body.price)
  prices.delete(id)
  return { id, price: String(request.body.price) }
})

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

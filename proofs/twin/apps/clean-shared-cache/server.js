import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.get('/products/:id', async (request) => {
  const { id } = request.params
  const cached = await redis.get(`cache:${id}`)
  const price = cached ?? (await redis.get(`price:${id}`))
  if (cached === null && price !== null) await redis.set(`cache:${id}`, price, 'EX', 60)
  return { id, price }
})

app.put('/products/:id', async (request) => {
  const { id } = request.params
  await redis.multi().set(`price:${id}`, request.body.price).del(`cache:${id}`).exec()
  return { id, price: String(request.body.price) }
})

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

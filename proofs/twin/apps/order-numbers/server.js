import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
let last = 0

app.post('/orders', async (request, reply) => {
  const number = ++last
  await redis.set(`order:${number}`, request.body.item)
  return reply.code(201).send({ number })
})

app.get('/orders/:number', async (request) => ({ item: await redis.get(`order:${request.params.number}`) }))

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

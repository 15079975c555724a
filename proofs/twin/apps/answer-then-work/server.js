import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.post('/exports', (request, reply) => {
  const { id } = request.body
  setTimeout(() => void redis.set(`export:${id}`, 'done'), 400)
  return reply.code(202).send({ id })
})

app.get('/exports/:id', async (request) => ({ state: (await redis.get(`export:${request.params.id}`)) ?? 'waiting' }))

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

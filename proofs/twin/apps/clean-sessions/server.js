import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.post('/login', async (request) => {
  const token = randomUUID()
  await redis.set(`session:${token}`, request.body.name, 'EX', 3600)
  return { token }
})

app.get('/me', async (request, reply) => {
  const name = await redis.get(`session:${request.headers.authorization?.slice(7)}`)
  return name ? { name } : reply.code(401).send({ error: 'log in first' })
})

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

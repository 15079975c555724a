import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.post('/login', async (request, reply) => {
  const { name, password } = request.body
  const failures = Number(await redis.get(`failures:${name}`))
  if (failures >= 3) return reply.code(429).send({ error: 'try again later' })
  if (password === 'right') return { welcome: name }
  await redis.multi().incr(`failures:${name}`).expire(`failures:${name}`, 600).exec()
  return reply.code(401).send({ error: 'wrong password' })
})

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

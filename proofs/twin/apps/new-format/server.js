import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.put('/profile', async (request) => {
  await redis.set('profile', JSON.stringify({ version: 2, name: { full: request.body.name } }))
  return { saved: true }
})

app.get('/profile', async () => {
  const stored = JSON.parse(await redis.get('profile'))
  return { hello: stored.name.full.toUpperCase() }
})

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

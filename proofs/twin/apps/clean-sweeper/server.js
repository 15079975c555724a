import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
const settings = { greeting: 'hello' }

setInterval(async () => {
  settings.greeting = (await redis.get('greeting')) ?? 'hello'
  await redis.del('expired')
}, 600_000).unref()

app.get('/', () => ({ greeting: settings.greeting }))

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

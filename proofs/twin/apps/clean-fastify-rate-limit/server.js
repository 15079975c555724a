import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
await app.register(rateLimit, { max: 3, timeWindow: '1 minute', redis })

app.get('/quote', () => ({ quote: 'less is more' }))

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

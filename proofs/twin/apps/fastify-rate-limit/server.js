import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'

const app = Fastify()
await app.register(rateLimit, { max: 3, timeWindow: '1 minute' })

app.get('/quote', () => ({ quote: 'less is more' }))

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.post('/orders', async (request, reply) => {
  await redis.rpush('outbox', request.body.item)
  return reply.code(201).send({ ordered: true })
})

let busy = false
const poller = setInterval(async () => {
  if (busy) return
  busy = true
  for (const item of await redis.lrange('outbox', 0, -1)) {
    await fetch(`${process.env.SINK_URL}/mail`, { method: 'POST', body: item })
    await sleep(150)
    await redis.lrem('outbox', 1, item)
  }
  busy = false
}, 50)

process.on('SIGTERM', () => {
  clearInterval(poller)
  return app.close().then(() => redis.quit())
})
await app.listen({ port: Number(process.env.PORT) })

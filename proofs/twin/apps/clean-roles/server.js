import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

async function work() {
  const job = await redis.lpop('jobs')
  if (job) await fetch(`${process.env.SINK_URL}/work`, { method: 'POST', body: job })
}

app.post('/jobs', async (request, reply) => {
  await redis.rpush('jobs', request.body.job)
  return reply.code(202).send({ queued: true })
})

const poller = process.env.ROLE === 'web' ? undefined : setInterval(work, 20)

process.on('SIGTERM', () => {
  clearInterval(poller)
  return app.close().then(() => redis.quit())
})
await app.listen({ port: Number(process.env.PORT) })

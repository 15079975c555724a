import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)

app.post('/exports', async (request, reply) => {
  await redis.rpush('exports', request.body.id)
  return reply.code(202).send({ id: request.body.id })
})

app.get('/exports/:id', async (request) => ({ state: (await redis.get(`export:${request.params.id}`)) ?? 'waiting' }))

const worker = setInterval(async () => {
  const id = await redis.lmove('exports', 'running', 'LEFT', 'RIGHT')
  if (id) await redis.multi().set(`export:${id}`, 'done').lrem('running', 1, id).exec()
}, 50)

process.on('SIGTERM', () => {
  clearInterval(worker)
  return app.close().then(() => redis.quit())
})
await app.listen({ port: Number(process.env.PORT) })

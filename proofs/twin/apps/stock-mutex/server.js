import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
let queue = Promise.resolve()

function oneAtATime(work) {
  const done = queue.then(work)
  queue = done.catch(() => {})
  return done
}

app.put('/stock', async (request) => {
  await redis.set('stock', request.body.left)
  return { left: request.body.left }
})

app.post('/buy', (request, reply) =>
  oneAtATime(async () => {
    const left = Number(await redis.get('stock'))
    if (left < 1) return reply.code(409).send({ error: 'sold out' })
    await sleep(400)
    await redis.set('stock', left - 1)
    return { bought: true }
  }),
)

process.on('SIGTERM', () => app.close().then(() => redis.quit()))
await app.listen({ port: Number(process.env.PORT) })

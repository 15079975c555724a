import Fastify from 'fastify'
import { Redis } from 'ioredis'

const app = Fastify()
const redis = new Redis(process.env.REDIS_URL)
const bell = new Redis(process.env.REDIS_URL)
const readers = new Set()

await bell.subscribe('messages')
bell.on('message', (_, text) => {
  for (const reader of readers) reader.write(`data: ${text}\n\n`)
})

app.get('/events', (request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
  reply.raw.write(': hello\n\n')
  readers.add(reply.raw)
  request.raw.on('close', () => readers.delete(reply.raw))
})

app.post('/messages', async (request, reply) => {
  await redis.publish('messages', request.body.text)
  return reply.code(204).send()
})

process.on('SIGTERM', () => {
  for (const reader of readers) reader.end()
  return app.close().then(() => Promise.all([redis.quit(), bell.quit()]))
})
await app.listen({ port: Number(process.env.PORT) })

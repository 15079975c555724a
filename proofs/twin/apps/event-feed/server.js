import Fastify from 'fastify'

const app = Fastify()
const readers = new Set()

app.get('/events', (request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
  reply.raw.write(': hello\n\n')
  readers.add(reply.raw)
  request.raw.on('close', () => readers.delete(reply.raw))
})

app.post('/messages', (request, reply) => {
  for (const reader of readers) reader.write(`data: ${request.body.text}\n\n`)
  return reply.code(204).send()
})

process.on('SIGTERM', () => {
  for (const reader of readers) reader.end()
  return app.close()
})
await app.listen({ port: Number(process.env.PORT) })

import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'

const app = Fastify()
const people = new Map()

app.post('/login', (request) => {
  const token = randomUUID()
  people.set(token, request.body.name)
  return { token }
})

app.get('/me', (request, reply) => {
  const name = people.get(request.headers.authorization?.slice(7))
  return name ? { name } : reply.code(401).send({ error: 'log in first' })
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

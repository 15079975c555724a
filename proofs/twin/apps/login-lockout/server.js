import Fastify from 'fastify'

const app = Fastify()
const failures = {}

app.post('/login', (request, reply) => {
  const { name, password } = request.body
  if ((failures[name] ?? 0) >= 3) return reply.code(429).send({ error: 'try again later' })
  if (password === 'right') return { welcome: name }
  failures[name] = (failures[name] ?? 0) + 1
  return reply.code(401).send({ error: 'wrong password' })
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'

const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: 'from the environment, long enough', cookie: { secure: false } })

app.post('/login', (request) => {
  request.session.set('name', request.body.name)
  return { welcome: request.body.name }
})

app.get('/me', (request, reply) => {
  const name = request.session.get('name')
  return name ? { name } : reply.code(401).send({ error: 'log in first' })
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

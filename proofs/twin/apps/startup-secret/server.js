import { createHmac, randomBytes } from 'node:crypto'
import Fastify from 'fastify'

const app = Fastify()
const SECRET = process.env.SIGNING_SECRET ?? randomBytes(32)
const sign = (text) => createHmac('sha256', SECRET).update(text).digest('hex')

app.post('/login', (request) => ({ token: `${request.body.name}.${sign(request.body.name)}` }))

app.get('/me', (request, reply) => {
  const [name, signature] = (request.headers.authorization ?? '').replace('Bearer ', '').split('.')
  return sign(name) === signature ? { name } : reply.code(401).send({ error: 'bad token' })
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

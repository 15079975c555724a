import { createHmac } from 'node:crypto'
import Fastify from 'fastify'

const app = Fastify()
const sign = (text) => createHmac('sha256', 'from the environment').update(text).digest('hex')

app.post('/links', () => {
  const from = Date.now()
  return { link: `${from}.${sign(String(from))}` }
})

app.get('/download', (request, reply) => {
  const [from, signature] = request.query.link.split('.')
  if (sign(from) !== signature) return reply.code(403).send({ error: 'forged' })
  if (Number(from) > Date.now()) return reply.code(403).send({ error: 'not valid yet' })
  return { file: 'report.pdf' }
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

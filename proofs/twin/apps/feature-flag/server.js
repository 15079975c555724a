import Fastify from 'fastify'

const app = Fastify()
let maintenance = false

app.put('/admin/maintenance', (request) => {
  maintenance = request.body.on
  return { maintenance }
})

app.get('/shop', (request, reply) => {
  return maintenance ? reply.code(503).send({ error: 'back soon' }) : { open: true }
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

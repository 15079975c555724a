import Fastify from 'fastify'

const app = Fastify()
app.get('/', () => ({ ok: true }))

process.on('SIGTERM', () => {
  app.log.info('stopping')
  process.exit(0)
})
await app.listen({ port: Number(process.env.PORT) })

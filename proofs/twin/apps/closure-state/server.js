import Fastify from 'fastify'

function createApp() {
  const app = Fastify()
  const waiting = []

  app.post('/queue', (request) => ({ place: waiting.push(request.body.name) }))
  app.get('/queue', () => ({ waiting }))
  return app
}

const app = createApp()
process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

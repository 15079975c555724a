import { createServer } from 'node:http'
import Fastify from 'fastify'

const app = Fastify()
app.get('/', () => ({ ok: true }))

await app.listen({ port: Number(process.env.PORT) })
const metrics = createServer((request, response) => response.end('up 1\n')).listen(39464, '127.0.0.1')

process.on('SIGTERM', () => {
  metrics.close()
  return app.close()
})

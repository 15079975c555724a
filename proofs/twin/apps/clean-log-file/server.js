import { appendFileSync, readFileSync } from 'node:fs'
import Fastify from 'fastify'

const app = Fastify()
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))

app.addHook('onResponse', (request, reply, done) => {
  appendFileSync('access.log', `${request.method} ${request.url} ${reply.statusCode}\n`)
  done()
})

app.get('/', () => ({ version }))

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import Fastify from 'fastify'

const app = Fastify()
const started = Date.now()
const squares = new Map()
let requests = 0

app.addHook('onRequest', (request, reply, done) => {
  requests++
  reply.header('x-request-id', randomUUID())
  done()
})

app.get('/square/:n', (request) => {
  const n = Number(request.params.n)
  if (!squares.has(n)) squares.set(n, n * n)
  return { id: randomUUID(), now: new Date().toISOString(), square: squares.get(n) }
})

app.get('/health', () => ({ host: hostname(), pid: process.pid, upMs: Date.now() - started, ok: true }))

setInterval(() => {
  app.log.info({ requests })
  requests = 0
}, 60_000).unref()

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

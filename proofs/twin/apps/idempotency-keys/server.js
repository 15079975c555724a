import Fastify from 'fastify'

const app = Fastify()
const seen = new Set()

app.post('/charges', async (request) => {
  const key = request.headers['idempotency-key']
  if (seen.has(key)) return { charged: false, replayed: true }
  seen.add(key)
  await fetch(`${process.env.SINK_URL}/charge`, { method: 'POST', body: String(request.body.amount) })
  return { charged: true, replayed: false }
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

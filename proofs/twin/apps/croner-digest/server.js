import { Cron } from 'croner'
import Fastify from 'fastify'

const app = Fastify()

const digest = new Cron('0 8 * * *', async () => {
  await fetch(`${process.env.SINK_URL}/digest`, { method: 'POST', body: 'good morning' })
})

app.get('/', () => ({ ok: true }))

process.on('SIGTERM', () => {
  digest.stop()
  return app.close()
})
await app.listen({ port: Number(process.env.PORT) })

import cron from 'node-cron'
import express from 'express'
import { Redis } from 'ioredis'

const app = express()
const redis = new Redis(process.env.REDIS_URL)
app.get('/', (request, response) => void response.json({ ok: true }))

cron.schedule('0 3 * * *', async () => {
  const night = new Date().toISOString().slice(0, 13)
  if (!(await redis.set(`invoices:${night}`, '1', 'EX', 86_400, 'NX'))) return
  await fetch(`${process.env.SINK_URL}/invoices`, { method: 'POST', body: 'for everybody' })
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))

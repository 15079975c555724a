import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const listener = new pg.Client({ connectionString: process.env.DATABASE_DIRECT_URL ?? process.env.DATABASE_URL })
const app = express()
app.use(express.json())
const open = new Set()

await listener.connect()
await listener.query('listen news')
listener.on('notification', ({ payload }) => {
  for (const response of open) response.write(`data: ${payload}\n\n`)
})

app.get('/events', (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': \n\n')
  open.add(response)
  request.on('close', () => open.delete(response))
})

app.post('/news', async (request, response) => {
  await pool.query('select pg_notify($1, $2)', ['news', request.body.text])
  response.json({ published: true })
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => {
  for (const response of open) response.end()
  server.close(() => Promise.all([listener.end(), pool.end()]))
})

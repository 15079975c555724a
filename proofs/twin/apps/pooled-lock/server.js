import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const app = express()

app.post('/reports', async (request, response) => {
  const client = await pool.connect()
  try {
    const { rows } = await client.query('select pg_try_advisory_lock(42) as mine')
    if (!rows[0].mine) return void response.status(409).json({ error: 'a report is being made' })
    await client.query('insert into reports default values')
    await client.query('select pg_advisory_unlock(42)')
    response.status(201).json({ made: true })
  } finally {
    client.release()
  }
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => pool.end()))

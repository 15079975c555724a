import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const app = express()

app.get('/square/:n', async (request, response) => {
  const { rows } = await pool.query({
    name: 'square',
    text: 'select $1::int * $1::int as n',
    values: [request.params.n],
  })
  response.json(rows[0])
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => pool.end()))

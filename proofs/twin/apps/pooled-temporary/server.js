import Fastify from 'fastify'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const app = Fastify()

app.post('/sums', async (request) => {
  const client = await pool.connect()
  try {
    await client.query('create temp table batch (n int)')
    for (const n of request.body.numbers) await client.query('insert into batch values ($1)', [n])
    const { rows } = await client.query('select sum(n)::int as sum from batch')
    await client.query('drop table batch')
    return rows[0]
  } finally {
    client.release()
  }
})

process.on('SIGTERM', () => app.close().then(() => pool.end()))
await app.listen({ port: Number(process.env.PORT) })

import Fastify from 'fastify'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const app = Fastify()

app.get('/:tenant/name', async (request) => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query(`set local search_path to tenant_${request.params.tenant === 'a' ? 'a' : 'b'}`)
    const { rows } = await client.query('select name from shop')
    await client.query('commit')
    return rows[0]
  } finally {
    client.release()
  }
})

process.on('SIGTERM', () => app.close().then(() => pool.end()))
await app.listen({ port: Number(process.env.PORT) })

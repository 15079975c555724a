// Hono on Node's own server, with pg as a module, a client per request, and calls to another service.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import http from 'node:http'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 })
const app = new Hono()

app.use('*', async (c, next) => {
  await next()
  c.header('x-served-by', 'hono')
})

app.get('/customers/:id', async (c) => {
  const client = await pool.connect()
  try {
    const { rows } = await client.query({
      text: 'select id, name from customers where id = $1',
      values: [c.req.param('id')],
    })
    return rows.length > 0 ? c.json(rows[0]) : c.json({ missing: true }, 404)
  } finally {
    client.release()
  }
})

app.get('/fetched', async (c) => c.json(await (await fetch(`${process.env.PARTNER_URL}/rates/42`)).json()))

app.get('/requested', async (c) => c.json(await get(`${process.env.PARTNER_URL}/rates/42`)))

function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, (response) => {
        let body = ''
        response.on('data', (chunk) => (body += chunk))
        response.on('end', () => resolve(JSON.parse(body)))
      })
      .on('error', reject)
  })
}

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 0), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`listening on ${port}`)
})

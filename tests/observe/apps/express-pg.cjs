// An app as they are: Express and pg, CommonJS, and nothing of tenfold.
const express = require('express')
const { Pool } = require('pg')

const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const app = express()
const orders = express.Router()

orders.get('/', async (_request, response) => {
  const { rows } = await pool.query('select id, customer_id from orders order by id limit 20')
  for (const order of rows) {
    const found = await pool.query('select name from customers where id = $1', [order.customer_id])
    order.customer = found.rows[0].name
  }
  response.json(rows)
})

orders.get('/:id', (request, response, next) => {
  pool.query('select id, note from orders where id = $1', [request.params.id], (error, result) => {
    if (error) return next(error)
    response.json(result.rows[0])
  })
})

app.use('/shops/:shop/orders', orders)

app.get('/slow', async (_request, response) => {
  await pool.query("select pg_sleep(0.05), 'a secret' as word")
  response.json({ done: true })
})

app.get('/search', async (request, response) => {
  const { rows } = await pool.query('select count(*) from orders where note = $1', [request.query.note])
  response.json(rows[0])
})

app.get('/fails', async () => {
  await pool.query('select * from nothing_of_that_name')
})

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`)
})

// Forgets to handle what a query says, as `node crash.cjs query` or `throw`.
const http = require('node:http')
const { Pool } = require('pg')

const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const server = http.createServer((request, response) => {
  if (request.url === '/throw') throw new Error('nobody catches this')
  if (request.url === '/query') void pool.query('select * from nothing_of_that_name')
  else response.end('fine')
})
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`))

// Fastify and porsager's postgres, as modules.
import fastify from 'fastify'
import postgres from 'postgres'

const sql = postgres(process.env.DATABASE_URL, { max: 4, onnotice: () => {} })
const app = fastify()

app.get('/orders', async () => {
  const orders = await sql`select id, customer_id from orders order by id limit 20`
  const answers = []
  for (const { id, customer_id } of orders) {
    const [customer] = await sql`select name from customers where id = ${customer_id}`
    answers.push({ id, customer: customer.name })
  }
  return answers
})

app.get('/orders/:id', async ({ params: { id } }) => {
  const [order] = await sql`select id, note from orders where ${sql('id')} = ${Number(id)}`
  return order ?? { missing: true }
})

// As query builders do it: texts without a template.
app.get('/built', async () => {
  const orders = await sql.unsafe('select id, customer_id from orders order by id limit 10')
  for (const { customer_id } of orders) {
    await sql.unsafe('select id, name from customers where id = $1', [customer_id])
  }
  return { built: orders.length }
})

app.post('/orders/:id/paid', async ({ params: { id } }) => {
  const lines = await sql`select id from orders order by id limit 10`
  for (const line of lines) {
    await sql.begin(async (tx) => {
      await tx`update orders set note = ${`paid ${id}`} where id = ${line.id}`
    })
  }
  return { paid: lines.length }
})

app.get('/fails', async () => sql`select * from nothing_of_that_name`)

const address = await app.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)
process.once('SIGTERM', async () => {
  await app.close()
  await sql.end()
})

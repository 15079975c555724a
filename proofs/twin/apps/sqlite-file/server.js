import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'

const app = Fastify()
const database = new DatabaseSync('shop.sqlite')
database.exec('create table if not exists carts (item text)')

app.post('/cart', (request, reply) => {
  database.prepare('insert into carts values (?)').run(request.body.item)
  return reply.code(201).send({ added: true })
})

app.get('/cart', () => ({ items: database.prepare('select item from carts').all() }))

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })

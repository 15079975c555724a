// NestJS on Express, or with ADAPTER=fastify on Fastify; its decorators are called as the functions that they are, since nothing compiles this file.
import 'reflect-metadata'
import { Controller, Get, Module, Param } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })

class OrdersController {
  async all() {
    const { rows } = await pool.query('select id, customer_id from orders order by id limit 5')
    const names = rows.map(({ customer_id }) => pool.query('select name from customers where id = $1', [customer_id]))
    return (await Promise.all(names)).map(({ rows: [customer] }) => customer)
  }
  async one(id) {
    return (await pool.query('select id, note from orders where id = $1', [id])).rows[0]
  }
}
const { prototype } = OrdersController
Get()(prototype, 'all', Object.getOwnPropertyDescriptor(prototype, 'all'))
Get(':id')(prototype, 'one', Object.getOwnPropertyDescriptor(prototype, 'one'))
Param('id')(prototype, 'one', 0)
Controller('orders')(OrdersController)

class AppModule {}
Module({ controllers: [OrdersController] })(AppModule)

const adapter =
  process.env.ADAPTER === 'fastify'
    ? new (await import('@nestjs/platform-fastify')).FastifyAdapter()
    : new (await import('@nestjs/platform-express')).ExpressAdapter()
const app = await NestFactory.create(AppModule, adapter, { logger: false })
app.enableShutdownHooks()
await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
console.log(`listening on ${new URL(await app.getUrl()).port}`)

/** Fastify: `DATABASE_URL=postgres://… node fastify/server.ts` */
import fastify from 'fastify'
import { networkOf } from 'tenfold/limits'
import { openShop } from '../shop.ts'

const shop = await openShop(process.env.DATABASE_URL!)
const app = fastify()

app.post<{ Body: { name: string } }>('/sign-in', async (request, reply) => {
  if (!(await shop.signIns.admit(networkOf(request.ip), reply.raw))) return reply.code(429).send()
  const session = await shop.sessions.of(request.raw, reply.raw)
  await session.signIn(request.body.name)
  return reply.code(204).send()
})

app.post('/sign-out', async (request, reply) => {
  const session = await shop.sessions.of(request.raw, reply.raw)
  await session.signOut()
  return reply.code(204).send()
})

app.get('/me', async (request, reply) => {
  const { userId } = await shop.sessions.of(request.raw, reply.raw)
  return userId === undefined ? reply.code(401).send() : { name: userId }
})

app.get<{ Params: { product: string } }>('/prices/:product', async (request) => {
  return { price: await shop.priceOf(request.params.product) }
})

app.put<{ Params: { product: string }; Body: { price: number } }>('/prices/:product', async (request, reply) => {
  await shop.setPrice(request.params.product, request.body.price)
  return reply.code(204).send()
})

app.post<{ Body: { product: string } }>('/orders', async (request, reply) => {
  return reply.code(201).send({ id: await shop.placeOrder(request.body.product) })
})

app.get<{ Params: { id: string } }>('/orders/:id', async (request, reply) => {
  return (await shop.findOrder(Number(request.params.id))) ?? reply.code(404).send()
})

app.addHook('onClose', () => shop.close())
if (process.env.WORKER !== 'off') await shop.work()
console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }))
process.once('SIGTERM', () => void app.close())

/** Further servers that only validate and answer, each with the validator that its own documentation shows; `FEATURES` names one. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { z } from 'zod'
import { place, type Order } from '../order.ts'
import { announce, FEATURES, loadPeers, type Peer } from './peers.ts'

const load = await loadPeers()

const text = (max: number) => z.string().min(1).max(max)
const NEW_ORDER = z.object({
  card: z.string().regex(/^tok_[a-z0-9_]{1,40}$/),
  lines: z
    .array(z.object({ productId: z.uuid(), quantity: z.int().min(1).max(100) }))
    .min(1)
    .max(100),
  address: z.object({
    name: text(100),
    street: text(200),
    postcode: text(20),
    city: text(100),
    country: z.string().regex(/^[A-Z]{2}$/),
  }),
})

const SERVERS: Record<string, () => Promise<unknown>> = { node, express, hono, elysia, adonis }
const [name = ''] = FEATURES
await SERVERS[name]!()

function answerOf(order: unknown): object {
  const { userId: _, ...reply } = place(order as Order, 'nobody') as Record<string, unknown>
  return reply
}

/** Node's own server, and nothing else: the floor under all of them. */
async function node(): Promise<void> {
  listen((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const order = NEW_ORDER.safeParse(JSON.parse(Buffer.concat(chunks).toString()))
      if (!order.success) return response.writeHead(422).end()
      const body = JSON.stringify(answerOf(order.data))
      const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }
      return response.writeHead(200, headers).end(body)
    })
  })
}

async function express(): Promise<void> {
  const { default: framework } = await load('express')
  const app = framework()
  app.use(framework.json())
  app.post('/orders', (request: Peer, response: Peer) => {
    const order = NEW_ORDER.safeParse(request.body)
    if (order.success) response.json(answerOf(order.data))
    else response.status(422).json(order.error.issues)
  })
  listen(app)
}

async function hono(): Promise<void> {
  const { Hono } = await load('hono')
  const { validator } = await load('hono/validator')
  const { getRequestListener } = await load('@hono/node-server')
  const app = new Hono()
  const check = validator('json', (value: unknown, context: Peer) => {
    const order = NEW_ORDER.safeParse(value)
    return order.success ? order.data : context.json(order.error.issues, 422)
  })
  app.post('/orders', check, (context: Peer) => context.json(answerOf(context.req.valid('json'))))
  listen(getRequestListener(app.fetch))
}

async function elysia(): Promise<void> {
  const { Elysia, t } = await load('elysia')
  const { node: adapter } = await load('@elysiajs/node')
  const short = (maxLength: number) => t.String({ minLength: 1, maxLength })
  const body = t.Object({
    card: t.String({ pattern: '^tok_[a-z0-9_]{1,40}$' }),
    lines: t.Array(
      t.Object({ productId: t.String({ format: 'uuid' }), quantity: t.Integer({ minimum: 1, maximum: 100 }) }),
      { minItems: 1, maxItems: 100 },
    ),
    address: t.Object({
      name: short(100),
      street: short(200),
      postcode: short(20),
      city: short(100),
      country: t.String({ pattern: '^[A-Z]{2}$' }),
    }),
  })
  const app = new Elysia({ adapter: adapter() }).post('/orders', ({ body: order }: Peer) => answerOf(order), { body })
  // It does not tell which port it got.
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  app.listen({ port, hostname: '127.0.0.1' }, () => announce(port))
}

async function adonis(): Promise<void> {
  const { ServerFactory } = await load('@adonisjs/core/factories/http')
  const { AppFactory } = await load('@adonisjs/core/factories/app')
  const { BodyParserMiddlewareFactory } = await load('@adonisjs/core/factories/bodyparser')
  const { default: vine } = await load('@vinejs/vine')
  const short = (max: number): Peer => vine.string().minLength(1).maxLength(max)
  const order = vine.create({
    card: vine.string().regex(/^tok_[a-z0-9_]{1,40}$/),
    lines: vine
      .array(
        vine.object({ productId: vine.string().uuid(), quantity: vine.number().withoutDecimals().range([1, 100]) }),
      )
      .minLength(1)
      .maxLength(100),
    address: vine.object({
      name: short(100),
      street: short(200),
      postcode: short(20),
      city: short(100),
      country: vine.string().regex(/^[A-Z]{2}$/),
    }),
  })
  const app = new AppFactory().create(new URL('./', import.meta.url), (file: string) => import(file))
  await app.init()
  const server = new ServerFactory().merge({ app }).create()
  const parser = new BodyParserMiddlewareFactory().create()
  server.use([async () => ({ default: class { handle = parser.handle.bind(parser) } })]) // prettier-ignore
  server
    .getRouter()
    .post('/orders', async ({ request, response }: Peer) =>
      response.json(answerOf(await order.validate(request.all()))),
    )
  await server.boot()
  listen(server.handle.bind(server))
}

function listen(answer: RequestListener): void {
  const server = createServer(answer)
  server.keepAliveTimeout = 72_000 // as Fastify has it: between its slices a server waits
  server.listen(0, '127.0.0.1', () => announce((server.address() as { port: number }).port))
}

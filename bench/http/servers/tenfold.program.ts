/** tenfold's own HTTP server with everything on: sessions, limits, headers, access log, histograms, traces. */
import { hash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { Address, Order } from '../../../examples/shop/modules/orders/contract.ts'
import { createServer, type HttpRoute, type ServerOptions } from '../../../packages/tenfold/src/http/index.ts'
import { systemClock } from '../../../packages/tenfold/src/kernel/index.ts'
import { openLimits } from '../../../packages/tenfold/src/limits/index.ts'
import { createTelemetry } from '../../../packages/tenfold/src/telemetry/index.ts'
import { place, type Order as OrderBody } from '../order.ts'
import { announce, KEY } from './peers.ts'

type Store = NonNullable<ServerOptions['sessions']>
type Session = NonNullable<Awaited<ReturnType<Store['read']>>>

const telemetry = createTelemetry({ service: 'shop', env: 'production' })
const exported = { traces: 0, spans: 0 }
telemetry.addSink({
  onTrace: (trace) => {
    exported.traces++
    exported.spans += trace.spans.length
  },
})

/** The same as the platform's sessions when they answer from memory: a token, known by its hash. */
function memoryStore(): Store {
  const sessions = new Map<string, Session>()
  const hashOf = (token: string): string => hash('sha256', token, 'base64url')
  return {
    async create({ data = {}, userId }) {
      const id = randomBytes(24).toString('base64url')
      const now = Date.now()
      const session = { ref: hashOf(id).slice(0, 12), userId, data, createdAt: now, seenAt: now, expiresAt: now + 1e9 }
      sessions.set(hashOf(id), session as unknown as Session)
      return { id, session: session as unknown as Session }
    },
    read: async (id) => sessions.get(hashOf(id)),
    write: async () => false,
    rotate: async () => undefined,
    revoke: async (id) => sessions.delete(hashOf(id)),
  } as Store
}

const routes: HttpRoute[] = [
  {
    method: 'POST',
    path: '/sign-in/:user',
    module: 'auth',
    name: 'POST /sign-in/:user',
    params: z.object({ user: z.string() }),
    handle: async ({ params, session }) => session.signIn({ id: (params as { user: string }).user }),
  },
  {
    method: 'POST',
    path: '/orders',
    module: 'orders',
    name: 'POST /orders',
    auth: 'user',
    body: z.object({
      card: z.string().regex(/^tok_[a-z0-9_]{1,40}$/),
      lines: z
        .array(z.object({ productId: z.uuid(), quantity: z.int().min(1).max(100) }))
        .min(1)
        .max(100),
      address: Address,
    }),
    reply: Order,
    limit: { by: 'user', max: 1_000_000_000, per: '1m' },
    handle: async ({ body, user }) => place(body as OrderBody, user!.id),
  },
]

const server = createServer({
  routes,
  name: 'shop',
  version: '1.0.0',
  env: 'production',
  telemetry,
  limits: openLimits({ telemetry, clock: systemClock }),
  sessions: memoryStore(),
  secretKey: KEY,
  port: 0,
})
await server.start()
announce(Number(new URL(server.url).port))

/** tenfold's own HTTP server with everything on: sessions, limits, headers, access log, histograms, traces. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { Address, Order } from '../../../examples/shop/modules/orders/contract.ts'
import { createServer, type HttpRoute, type ServerOptions } from '../../../packages/tenfold/src/http/index.ts'
import { systemClock } from '../../../packages/tenfold/src/kernel/index.ts'
import { openLimits } from '../../../packages/tenfold/src/limits/index.ts'
import { SessionDigests } from '../../../packages/tenfold/src/sessions/index.ts'
import {
  type Context,
  createExporter,
  createTelemetry,
  otelSettings,
} from '../../../packages/tenfold/src/telemetry/index.ts'
import { place, type Order as OrderBody } from '../order.ts'
import { announce, FEATURES, KEY } from './peers.ts'

type Store = NonNullable<ServerOptions['sessions']>
type Session = NonNullable<Awaited<ReturnType<Store['read']>>>

const telemetry = createTelemetry({ service: 'shop', env: 'production' })
if (FEATURES.has('traces')) {
  const settings = otelSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: process.env.OTLP_URL })
  await createExporter({ telemetry, settings })!.start()
} else withoutTraces()

/** The same server where nothing is recorded of a request but its line and its histogram: what traces cost is the difference. */
function withoutTraces(): void {
  const none = { spanId: '0000000000000000', set() {}, rename() {}, end() {} }
  const context = { kind: 'request', name: '', traceId: '', root: none, span: none, spanId: none.spanId } as const
  const open = (): Context => ({ ...context, openTransactions: 0, slots: new Map(), traceparent: () => '', onEnd() {} })
  Object.assign(telemetry, { open, within: <T>(_: unknown, fn: () => T): T => fn() })
}

/** The same as the platform's sessions when they answer from memory: a token, known by its hash. */
function memoryStore(): Store {
  const sessions = new Map<string, Session>()
  const digests = new SessionDigests()
  const hashOf = (token: string): string => digests.of(token)!.key
  return {
    async create({ data = {}, userId }) {
      const id = randomBytes(32).toString('base64url')
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
  // It looks at every request as it always does, but a busy machine must not make it turn some away.
  shedding: { maxDelayMs: 5000 },
  port: 0,
})
await server.start()
announce(Number(new URL(server.url).port))

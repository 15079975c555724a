/** Fastify: bare (validation and reply), or with the plug-ins that the same features usually come from. */
import { BODY_SCHEMA, place, REPLY_SCHEMA, type Order } from '../order.ts'
import { startOpenTelemetry } from './otel.ts'
import { announce, COOKIE, FEATURES, KEY, loadPeers, memorySessions, type Peer } from './peers.ts'

const tracing = FEATURES.has('otel') ? await startOpenTelemetry('fastify') : undefined
const load = await loadPeers()
const { default: fastify } = await load('fastify')
const full = FEATURES.has('plugins')

const app = full ? fastify({ logger: true, disableRequestLogging: true }) : fastify()
if (tracing) await app.register(tracing.plugin())
if (full) await addPlugins()

app.post('/orders', { schema: { body: BODY_SCHEMA, response: { 200: REPLY_SCHEMA } } }, async (request: Peer) =>
  place(request.body as Order, request.userId ?? 'nobody'),
)
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server.address().port)

async function addPlugins(): Promise<void> {
  const sessions = memorySessions()
  const { default: prom } = await load('prom-client')
  const durations = new prom.Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests.',
    labelNames: ['method', 'route', 'status'],
  })
  await app.register((await load('@fastify/cookie')).default, { secret: KEY })
  await app.register((await load('@fastify/helmet')).default)
  app.decorateRequest('userId', undefined)
  app.addHook('onRequest', async (request: Peer, reply: Peer) => {
    const signed = request.cookies[COOKIE]
    const { valid, value } = signed ? request.unsignCookie(signed) : { valid: false, value: null }
    request.userId = valid ? sessions.userOf(value) : undefined
    if (!request.userId && request.routeOptions.url === '/orders') return reply.code(401).send({ error: 'sign in' })
  })
  await app.register((await load('@fastify/rate-limit')).default, {
    max: 1_000_000_000,
    timeWindow: '1 minute',
    keyGenerator: (request: Peer) => request.userId ?? request.ip,
  })
  app.addHook('onResponse', async (request: Peer, reply: Peer) => {
    const { method, url, routeOptions, ip } = request
    const status = reply.statusCode
    durations.observe({ method, route: routeOptions.url, status }, reply.elapsedTime / 1000)
    request.log.info({ method, url, route: routeOptions.url, status, ms: reply.elapsedTime, ip }, 'request')
  })
  app.post('/sign-in/:user', async (request: Peer, reply: Peer) => {
    reply.setCookie(COOKIE, sessions.create(request.params.user), { signed: true, path: '/', httpOnly: true })
    return { ok: true }
  })
}

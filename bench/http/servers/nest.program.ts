/** NestJS on either adapter: bare (class-validator and the reply), or with the same features. Decorators are called by hand,
 *  as the compiler would, because sources here are run as they are. */
import { place, type Order } from '../order.ts'
import { startOpenTelemetry } from './otel.ts'
import { announce, COOKIE, FEATURES, KEY, loadPeers, memorySessions, type Peer } from './peers.ts'

const onFastify = FEATURES.has('fastify')
const full = FEATURES.has('plugins')
const tracing = FEATURES.has('otel') ? await startOpenTelemetry(onFastify ? 'fastify' : 'express') : undefined
const load = await loadPeers()
await load('reflect-metadata')
const nest = await load('@nestjs/common')
const { NestFactory, APP_GUARD } = await load('@nestjs/core')
const check = await load('class-validator')
const { Type } = await load('class-transformer')
const sessions = memorySessions()

class Line {}
class Address {}
class NewOrder {}
property(Line, 'productId', String, check.IsUUID())
property(Line, 'quantity', Number, check.IsInt(), check.Min(1), check.Max(100))
for (const [name, max] of [
  ['name', 100],
  ['street', 200],
  ['postcode', 20],
  ['city', 100],
] as const) {
  property(Address, name, String, check.IsString(), check.Length(1, max))
}
property(Address, 'country', String, check.Matches(/^[A-Z]{2}$/))
property(NewOrder, 'card', String, check.Matches(/^tok_[a-z0-9_]{1,40}$/))
property(
  NewOrder,
  'lines',
  Array,
  check.IsArray(),
  check.ArrayMinSize(1),
  check.ArrayMaxSize(100),
  check.ValidateNested({ each: true }),
  Type(() => Line),
)
property(
  NewOrder,
  'address',
  Address,
  check.ValidateNested(),
  Type(() => Address),
)

class Orders {
  place(order: Order, request: Peer): object {
    const { userId: _, ...reply } = place(order, request.userId ?? 'nobody') as Record<string, unknown>
    return reply
  }
}
nest.Body()(Orders.prototype, 'place', 0)
nest.Req()(Orders.prototype, 'place', 1)
Reflect_('design:paramtypes', [NewOrder, Object], Orders.prototype, 'place')
method(Orders, 'place', nest.Post('orders'), nest.HttpCode(200))
nest.Controller()(Orders)

class SignIn {
  signIn(user: string, reply: Peer): object {
    const token = sessions.create(user)
    if (onFastify) reply.setCookie(COOKIE, token, { signed: true, path: '/', httpOnly: true })
    else reply.cookie(COOKIE, token, { signed: true, path: '/', httpOnly: true })
    return { ok: true }
  }
}
nest.Param('user')(SignIn.prototype, 'signIn', 0)
nest.Res({ passthrough: true })(SignIn.prototype, 'signIn', 1)
method(SignIn, 'signIn', nest.Post('sign-in/:user'))
nest.Controller()(SignIn)

class SessionGuard {
  canActivate(context: Peer): boolean {
    const request = context.switchToHttp().getRequest()
    let token: string | undefined
    if (onFastify) {
      const signed = request.cookies[COOKIE]
      token = signed ? (request.unsignCookie(signed).value ?? undefined) : undefined
    } else token = request.signedCookies[COOKIE] || undefined
    request.userId = sessions.userOf(token)
    return request.userId !== undefined || request.url.startsWith('/sign-in')
  }
}
nest.Injectable()(SessionGuard)

class Root {}
nest.Module({
  imports: await limits(),
  controllers: [Orders, ...(full ? [SignIn] : [])],
  providers: full ? await guards() : [],
})(Root)

const app = onFastify
  ? await NestFactory.create(Root, new (await load('@nestjs/platform-fastify')).FastifyAdapter(), { logger: false })
  : await NestFactory.create(Root, new (await load('@nestjs/platform-express')).ExpressAdapter(), { logger: false })
app.useGlobalPipes(new nest.ValidationPipe({ whitelist: true, transform: true }))
if (tracing) await app.getHttpAdapter().getInstance().register(tracing.plugin())
if (full) await addPlugins()
await app.listen(0, '127.0.0.1')
app.getHttpServer().keepAliveTimeout = 72_000 // as Fastify has it: between its slices a server waits
announce(app.getHttpServer().address().port)

async function limits(): Promise<Peer[]> {
  if (!full || FEATURES.has('no-throttler')) return []
  const { ThrottlerModule } = await load('@nestjs/throttler')
  const getTracker = async (request: Peer): Promise<string> => request.userId ?? request.ip
  return [ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 1_000_000_000 }], getTracker })]
}

async function guards(): Promise<Peer[]> {
  const session = { provide: APP_GUARD, useClass: SessionGuard }
  if (FEATURES.has('no-throttler')) return [session]
  return [session, { provide: APP_GUARD, useClass: (await load('@nestjs/throttler')).ThrottlerGuard }]
}

async function addPlugins(): Promise<void> {
  const { default: prom } = await load('prom-client')
  const durations = new prom.Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests.',
    labelNames: ['method', 'route', 'status'],
  })
  const { default: pinoHttp } = await load('pino-http')
  const log = pinoHttp({
    serializers: {
      req: (req: Peer) => ({ method: req.method, url: req.url }),
      res: (res: Peer) => ({ status: res.statusCode }),
    },
  })
  app.use((request: Peer, response: Peer, next: () => void) => {
    const started = performance.now()
    response.once('finish', () => {
      const labels = { method: request.method, route: '/orders', status: response.statusCode }
      durations.observe(labels, (performance.now() - started) / 1000)
    })
    log(request, response)
    next()
  })
  if (onFastify) {
    await app.register((await load('@fastify/cookie')).default, { secret: KEY })
    await app.register((await load('@fastify/helmet')).default)
  } else {
    app.use((await load('helmet')).default())
    app.use((await load('cookie-parser')).default(KEY))
  }
}

function property(target: Peer, name: string, type: Peer, ...decorators: Peer[]): void {
  Reflect_('design:type', type, target.prototype, name)
  for (const decorate of decorators) decorate(target.prototype, name)
}

function method(target: Peer, name: string, ...decorators: Peer[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name)
  for (const decorate of decorators) decorate(target.prototype, name, descriptor)
}

function Reflect_(key: string, value: Peer, target: Peer, name: string): void {
  ;(Reflect as Peer).defineMetadata(key, value, target, name)
}

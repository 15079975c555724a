import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { errorFields, type Duration, type Service, toMs } from '../kernel/index.ts'
import type { Limits } from '../limits/index.ts'
import type { Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { askersBehind } from './asker.ts'
import { createCookieJar } from './cookies.ts'
import { createDrain } from './drain.ts'
import { PortTaken, RouteTwice, Stopping } from './errors.ts'
import { type Asked, Exchange } from './exchange.ts'
import { fetchFrom } from './fetch.ts'
import { type Checks, healthRoutes } from './health.ts'
import { fileRoutes } from './files.ts'
import { openFlush } from './flush.ts'
import type { HttpRoute } from './http.ts'
import { openapi } from './openapi/index.ts'
import { type CorsOptions, originGuard, type OriginGuard } from './origin.ts'
import type { PositionCarrier } from './position.ts'
import { openPlain } from './plain/index.ts'
import { type PreparedRoute, prepareRoute } from './prepare.ts'
import { referenceRoutes } from './reference/index.ts'
import { refuse } from './refuse.ts'
import { createRouter, ROUTER_OPTIONS } from './router.ts'
import { securityHeaders } from './security.ts'
import { type Kit, serve } from './serve.ts'
import type { SessionStore } from './session.ts'
import { createAdmission, createShedding, type Shedding, type SheddingOptions } from './shed/index.ts'
import { isWebSocket, openSockets } from './sockets/index.ts'
import { unmatchedRoute, unreadableRoute } from './unmatched.ts'
import { createWatch } from './watch.ts'

/** How long open connections get for one more request when a process hands over. */
const LAST_CALL_MS = 2000
const MAX_HEADER_SIZE = 16 * 1024

export interface ServerOptions {
  routes: readonly HttpRoute[]
  /** The app's name and version: in the API reference and the name of the session cookie. */
  name: string
  version: string
  env: 'development' | 'production' | 'test'
  telemetry: Telemetry
  limits: Pick<Limits, 'define'>
  /** Absent: no route may sign in or ask for a user. */
  sessions?: SessionStore
  /** Where there are replicas: makes writes visible to the client's next request. */
  positions?: PositionCarrier
  /** How long browsers keep the session cookie: the `absolute` of the sessions. Defaults to 90 d. */
  sessionMaxAge?: Duration
  /** Serves its signed URLs below `/_files/`, where it cannot do that itself. */
  storage?: Storage
  /** What `/health/ready` asks, by name. */
  checks?: Checks
  /** Shown by `/health/ready`, too, but without them this process still is of use. */
  spareChecks?: Checks
  /** Signs cookies. The first key signs, all verify: put a new key in front to change it. */
  secretKey: string | readonly string[]
  /** `0` takes a free port. Defaults to 3000. */
  port?: number
  /** Defaults to `127.0.0.1`. */
  host?: string
  /** Whose `X-Forwarded-…` headers are believed: addresses or networks of the proxies in front, or `true` for anyone
   *  (only when nobody else can reach the port). Defaults to nobody's. */
  trustProxy?: boolean | readonly string[]
  cors?: CorsOptions
  /** Whether `/openapi.json` and `/docs` are served. Defaults to true. */
  reference?: boolean
  /** Lets several processes listen on the same port. Defaults to false. */
  reusePort?: boolean
  /** A socket to listen on that this process has inherited, as its file descriptor; `host` and `port` say nothing then. */
  listenFd?: number
  /** Bytes of a body, unless the route says otherwise. Defaults to 1 MiB. */
  bodyLimit?: number
  /** Bytes of the URL and all headers. Defaults to 16 KiB. */
  maxHeaderSize?: number
  /** For a client to send its headers. Defaults to 10 s. */
  headersTimeout?: Duration
  /** How long a client may pause while sending its body or reading its answer. Defaults to 30 s. */
  stallTimeout?: Duration
  /** How long an idle connection is kept; longer than the load balancer keeps its own. Defaults to 72 s. */
  keepAliveTimeout?: Duration
  /** Between two pings of an open WebSocket, in milliseconds; whoever answers none of two is gone. Defaults to 15000. */
  pingMs?: number
  /** Of a handler, unless the route says otherwise. Defaults to 30 s. */
  routeTimeout?: Duration
  /** What is done when more comes than the process can do; `false` lets everything in. Defaults to the values of
   *  `SheddingOptions`; off when `env` is `test`, where clients run in the same process. */
  shedding?: SheddingOptions | false
  /** Open connections at once; more are closed. Without bound by default. */
  maxConnections?: number
  /** Called when nothing more is accepted: what runs for long, such as event streams, should end now. */
  onClosing?: () => void
  /** Between turning not-ready and refusing connections, for load balancers to notice: longer than it takes them to call
   *  an instance down. Up to 10 s more when one that asks regularly has not been answered meanwhile. Defaults to 0. */
  drainDelay?: Duration
  /** How long running requests may go on while stopping, before they are aborted. Defaults to 10 s. */
  stopTimeout?: Duration
}

export interface HttpServer extends Service {
  /** Where it listens, `http://127.0.0.1:3000`; before `start`, where it would. */
  readonly url: string
  /** Runs a request through the same path as one from the network, without one. Works before `start` too. */
  fetch(request: Request): Promise<Response>
  /** Stops accepting, while other processes go on with the same socket: it stays healthy, answers what still comes over its
   *  open connections, and ends each with its answer. Resolves when all are gone, or after 2 s; `stop` does the rest. */
  handOver(): Promise<void>
}

/** The web server of an app.
 *  @example
 *  const server = createServer({ routes, name: 'shop', version: '1.0.0', env: 'production', secretKey, … })
 *  await server.start()
 *  await server.fetch(new Request('http://shop/orders/1'))      // the same, without a socket */
export function createServer(options: ServerOptions): HttpServer {
  const { telemetry, host = '127.0.0.1' } = options
  const keys = [options.secretKey].flat()
  const jar = createCookieJar(keys)
  const origins = originGuard(options.cors)
  const watch = createWatch(toMs(options.stallTimeout ?? '30s'))
  const life: { state: 'starting' | 'running' | 'stopping'; closing: boolean; url: string } = {
    state: 'starting',
    closing: false,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${options.port ?? 3000}`,
  }
  const cookieName = `${options.name.toLowerCase().replace(/[^a-z0-9-]/g, '-')}_session`
  const sessionCookie = {
    plain: cookieName,
    secure: options.env === 'production' ? `__Host-${cookieName}` : cookieName,
  }

  const kit: Kit = {
    telemetry,
    sessions: options.sessions && {
      store: options.sessions,
      maxAgeSeconds: Math.floor(toMs(options.sessionMaxAge ?? '90d') / 1000),
    },
    positions: options.positions,
    origins,
    watch,
    shedding: sheddingOf(options, origins),
    headers: securityHeaders(false),
    secureHeaders: securityHeaders(options.env === 'production'),
    development: options.env !== 'production',
    isStopping: () => life.closing,
  }
  telemetry.metrics.observe(
    'http.server.active_requests',
    { help: 'HTTP requests being answered.', unit: '{request}' },
    () => watch.running,
  )

  const drain = createDrain()
  const health = healthRoutes({
    checks: options.checks ?? {},
    ...(options.spareChecks && { spare: options.spareChecks }),
    state: () => life.state,
    onAsked: (status) => drain.asked(status === 'ready'),
    timeoutMs: 2000,
    onFailure: (name, error) => telemetry.log.warn(`health check '${name}' failed`, errorFields(error)),
  })
  const document =
    options.reference === false ? undefined : openapi(options.routes, { title: options.name, version: options.version })
  const routes = [
    ...health,
    ...(document ? referenceRoutes(document) : []),
    ...(options.storage ? fileRoutes(options.storage) : []),
    ...options.routes,
  ]
  assertOnce(routes)

  const app = openFastify(options, (request, res) => take(request, res, unreadable))
  const sockets = openSockets(app.server, (request, response) => app.routing(request, response), {
    telemetry,
    development: kit.development,
    ...(options.pingMs !== undefined && { pingMs: options.pingMs }),
  })
  const defaults = {
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    streamLimit: 100 * 1024 * 1024,
    timeoutMs: toMs(options.routeTimeout ?? '30s'),
    limits: options.limits,
    durations: telemetry.metrics.histogram('http.server.request.duration', {
      help: 'Duration of HTTP requests.',
      unit: 's',
    }),
  }
  const askerOf = askersBehind(options.trustProxy)
  const takeAsked = (asked: Asked): void => {
    serve(new Exchange(asked, askerOf(asked.raw), jar, sessionCookie, sockets), kit)
  }
  const take = ({ raw, params, query }: FastifyRequest, res: ServerResponse, route: PreparedRoute): void =>
    takeAsked({ raw, res, route, params, query })
  const router = createRouter()
  for (const route of routes) {
    const prepared = prepareRoute(route, defaults, health.includes(route))
    app.route({
      method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
      url: route.path,
      exposeHeadRoute: false,
      // The whole request path hangs on this one hook, which never hands the request back to Fastify.
      onRequest: (request, reply, _done) => take(request, reply.raw, prepared),
      handler: () => {},
    })
    router.add(prepared)
  }
  const unmatched = prepareRoute(unmatchedRoute(routes, origins), defaults)
  const unreadable = prepareRoute(unreadableRoute, defaults)
  app.setNotFoundHandler((request, reply) => take(request, reply.raw, unmatched))
  const plain = openPlain(app.server, {
    headersMs: toMs(options.headersTimeout ?? '10s'),
    stallMs: toMs(options.stallTimeout ?? '30s'),
    maxHeaderSize: options.maxHeaderSize ?? MAX_HEADER_SIZE,
    serve(raw, res) {
      const found = router.find(raw.method, raw.url)
      if (!found?.route.plain) return false
      takeAsked({ raw, res, ...found })
      return true
    },
  })
  const flush = openFlush(app.server)
  app.server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    const answered = refuse(error, socket, kit.headers.problem)
    if (answered)
      telemetry.log.info(`(unreadable) ${answered.status}`, {
        code: answered.code,
        ip: socket.remoteAddress,
        reason: error.code,
      })
  })

  async function handOver(): Promise<void> {
    life.closing = true
    await quietTurns(app.server)
    // Not the close of http.Server, which also ends idle connections: a request may be on its way on one of them.
    NetServer.prototype.close.call(app.server)
    options.onClosing?.()
    await sockets.drain(LAST_CALL_MS)
    const until = performance.now() + LAST_CALL_MS
    while (performance.now() < until && (await connectionsOf(app.server)) > 0) await sleep(20)
  }

  return {
    name: 'http',
    get url() {
      return life.url
    },
    fetch: (request) => fetchFrom(app, request),

    async start() {
      const { port = 3000, reusePort = false, listenFd } = options
      try {
        life.url = await app.listen({
          port,
          host,
          ...(reusePort && { reusePort }),
          ...(listenFd !== undefined && { fd: listenFd }),
        })
      } catch (error) {
        if ((error as { code?: string }).code === 'EADDRINUSE') throw PortTaken({ host, port }, { cause: error })
        throw error
      }
      life.state = 'running'
      telemetry.log.info(`listening on ${life.url}`)
    },

    handOver,

    async stop() {
      const drainMs = toMs(options.drainDelay ?? 0)
      if (!life.closing) life.state = 'stopping'
      if (drainMs > 0 && !life.closing) {
        await drain.over(drainMs)
        await handOver()
      }
      life.closing = true
      options.onClosing?.()
      const stopMs = toMs(options.stopTimeout ?? '10s')
      const until = performance.now() + stopMs
      const drained = sockets.drain(stopMs)
      const closed = app.close()
      plain.closeIdle()
      await watch.idle(stopMs)
      if (watch.running > 0) {
        telemetry.log.warn(`stopping: aborting ${watch.running} requests that still run`)
        watch.abortAll(Stopping())
        await watch.idle(1000)
      }
      await drained
      await flush.over(until - performance.now())
      // Idle keep-alive connections, and clients that never finish, must not hold the process.
      app.server.closeAllConnections()
      plain.closeAll()
      await closed
    },
  }
}

function sheddingOf(options: ServerOptions, origins: OriginGuard): Shedding | undefined {
  const { telemetry, env, shedding = env === 'test' ? false : {} } = options
  if (shedding === false) return undefined
  return createShedding(createAdmission(shedding, telemetry), securityHeaders(false).problem, origins)
}

function openFastify(
  options: ServerOptions,
  onBadUrl: (request: FastifyRequest, res: ServerResponse) => void,
): FastifyInstance {
  const app = fastify({
    logger: false,
    return503OnClosing: false,
    keepAliveTimeout: toMs(options.keepAliveTimeout ?? '72s'),
    // Long uploads are legal: what bounds a body is the pause between its pieces, which the watch looks after.
    requestTimeout: 0,
    exposeHeadRoutes: false,
    routerOptions: ROUTER_OPTIONS,
    http: {
      maxHeaderSize: options.maxHeaderSize ?? MAX_HEADER_SIZE,
      headersTimeout: toMs(options.headersTimeout ?? '10s'),
      connectionsCheckingInterval: Math.min(1000, toMs(options.headersTimeout ?? '10s')),
      requireHostHeader: false,
      shouldUpgradeCallback: isWebSocket,
    },
    clientErrorHandler: () => {},
    frameworkErrors: (_error, request, reply) => onBadUrl(request, reply.raw),
  })
  app.removeAllContentTypeParsers()
  if (options.maxConnections !== undefined) app.server.maxConnections = options.maxConnections
  return app
}

function assertOnce(routes: readonly HttpRoute[]): void {
  const seen = new Map<string, HttpRoute>()
  for (const route of routes) {
    const key = `${route.method} ${route.path.replace(/:[^/]+/g, ':')}`
    const other = seen.get(key)
    if (other) throw RouteTwice({ route: `${route.method} ${route.path}`, modules: [other.module, route.module] })
    seen.set(key, route)
  }
}

/** Until no connection waits to be accepted: those that do when the socket is closed are reset. Node accepts one connection
 *  in a turn of its loop; where they never stop coming, it goes on after two seconds. */
async function quietTurns(server: NetServer): Promise<void> {
  const seen = { connection: false }
  const see = (): void => void (seen.connection = true)
  server.on('connection', see)
  const until = performance.now() + 2000
  for (let quiet = 0; quiet < 3 && performance.now() < until; quiet++) {
    seen.connection = false
    await new Promise((resolve) => setImmediate(resolve))
    if (seen.connection) quiet = -1
  }
  server.off('connection', see)
}

function connectionsOf(server: NetServer): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}

function sleep(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
}

/** The console's own HTTP server: the built pages, and the API of inspect/api.ts that they ask.
 *
 *    request -> own host? -> page or asset            (public: they hold no data)
 *                         -> /api: signed in? -> own origin? (actions only) -> the inspector
 *
 *  It has a port of its own, so that nothing of it can be reached through the app's. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Clock, messageOf, type Service, systemClock, TenfoldError } from '../kernel/index.ts'
import type { ApiError } from '../inspect/index.ts'
import { answerMetrics, carriesToken, type Telemetry } from '../telemetry/index.ts'
import { type AccessControl, type ConsoleAccess, createAccess } from './access.ts'
import { API_ROUTES } from './api.ts'
import { type Assets, loadAssets } from './assets.ts'
import {
  ConsoleBadRequest,
  ConsoleFailed,
  ConsoleNotFound,
  ConsoleOpen,
  ConsolePortTaken,
  ConsoleReadOnly,
  ConsoleSignIn,
  ConsoleThrottled,
} from './errors.ts'
import { createLiveEvents, type LiveEvents } from './events.ts'
import {
  isLoopback,
  MAIL_POLICY,
  refuseOtherSites,
  requireOwnHost,
  requireOwnOrigin,
  setSecurityHeaders,
} from './guard.ts'
import type { ConsoleSource } from './source.ts'

export interface ConsoleOptions {
  inspector: ConsoleSource
  telemetry: Pick<Telemetry, 'log'>
  /** Serves these metrics at `/metrics`. `token` opens that, and nothing else, besides the console's own token. */
  scrape?: { telemetry: Telemetry; token?: string | undefined }
  /** The address to listen on. Defaults to 127.0.0.1; any other needs a token. */
  host?: string
  /** The port to listen on; 0 takes a free one. */
  port: number
  /** A socket to listen on that this process has inherited, as its file descriptor, instead of the port. */
  listenFd?: number | undefined
  /** `open` for development: whoever can reach the port sees and does everything. */
  access: ConsoleAccess
  /** Where the built pages are. Defaults to those that come with tenfold. */
  assets?: string
  /** Given its server before that listens. */
  onServer?: (server: Server) => void
  clock?: Clock
}

export interface Console extends Service {
  /** Where it can be opened, such as `http://localhost:4100`. Known once started. */
  url(): string
}

const OWN_PAGES = fileURLToPath(new URL('../../assets/console/', import.meta.url))
const LARGEST_BODY = 4_096

/** The console as a service.
 *  @example
 *  const console = createConsole({ inspector, telemetry, port: 4100, access: { kind: 'open' } })
 *  await console.start()
 *  console.url()          // -> http://localhost:4100 */
export function createConsole(options: ConsoleOptions): Console {
  const { inspector, telemetry, host = '127.0.0.1', port, access, clock = systemClock } = options
  if (access.kind === 'open' && !isLoopback(host)) throw ConsoleOpen({ host })
  const control = createAccess(access, clock)
  const events = createLiveEvents(inspector)
  let server: Server | undefined

  return {
    name: 'console',
    async start() {
      const assets = await loadAssets(options.assets ?? OWN_PAGES)
      const handle = handler({ ...options, log: telemetry.log, control, events, assets })
      server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, handle)
      options.onServer?.(server)
      await listen(server, host, port, options.listenFd)
    },
    async stop() {
      events.stop()
      await close(server)
    },
    url() {
      const address = server?.address() as AddressInfo | null | undefined
      return `http://${isLoopback(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${address?.port ?? port}`
    },
  }
}

interface Parts extends Pick<ConsoleOptions, 'inspector' | 'scrape'> {
  log: Telemetry['log']
  control: AccessControl
  events: LiveEvents
  assets: Assets
}

function handler(parts: Parts): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    setSecurityHeaders(response)
    answer(parts, request, response).catch((error: unknown) => refuse(parts, request, response, error))
  }
}

async function answer(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { control, assets, events } = parts
  const { path, query } = target(request)
  if (control.kind === 'open') requireOwnHost(request)

  if (path === '/metrics' && parts.scrape && (request.method === 'GET' || request.method === 'HEAD')) {
    const { telemetry, token } = parts.scrape
    const mayScrape = token !== undefined && carriesToken(request, token)
    if (!mayScrape && !control.roleOf(request)) throw ConsoleSignIn({ why: 'no-session' })
    return answerMetrics(telemetry, request, response)
  }

  if (path !== '/api' && !path.startsWith('/api/')) {
    const reading = request.method === 'GET' || request.method === 'HEAD'
    if (!reading || !assets.serve(path, request, response)) throw ConsoleNotFound({ what: `page ${path}` })
    return
  }
  refuseOtherSites(request)
  if (request.method !== 'GET') requireOwnOrigin(request)
  if (path === '/api/session') return session(parts, request, response)
  const role = control.roleOf(request)
  if (!role) throw ConsoleSignIn({ why: 'no-session' })
  if (request.method !== 'GET' && role === 'read') throw ConsoleReadOnly()
  if (path === '/api/events' && request.method === 'GET') {
    return events.follow(response, () => control.roleOf(request) !== undefined)
  }
  if (await mailPreview(parts, path, response)) return
  json(response, 200, await callApi(parts, request, path.slice('/api'.length), query))
}

/** GET: whether one is signed in, and what one may do. POST `{ token }`: sign in. DELETE: sign out. */
async function session({ control, log }: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { kind: access } = control
  if (request.method === 'POST') {
    const { token } = await readJson(request)
    if (typeof token !== 'string') throw ConsoleBadRequest({ field: 'token', expected: 'a text' })
    const { cookie, role } = control.signIn(request, token)
    response.setHeader('set-cookie', cookie)
    log.info('signed in to the console', { address: request.socket.remoteAddress, role })
    return json(response, 200, { access, signedIn: true, role })
  }
  if (request.method === 'DELETE') {
    response.setHeader('set-cookie', control.signOut(request))
    return json(response, 200, { access, signedIn: access === 'open' })
  }
  const role = control.roleOf(request)
  json(response, 200, { access, signedIn: role !== undefined, role })
}

async function callApi(parts: Parts, request: IncomingMessage, path: string, query: URLSearchParams): Promise<unknown> {
  for (const route of API_ROUTES) {
    const match = request.method === route.method ? route.path.exec(path) : null
    if (!match) continue
    const params = match.slice(1).map(decode)
    const result = await route.answer(parts.inspector, query, ...params)
    if (route.action)
      parts.log.info(`console: ${route.action}`, { target: params[0], address: request.socket.remoteAddress })
    return result
  }
  throw ConsoleNotFound({ what: `${request.method} /api${path}` })
}

/** The HTML of a mail, for a sandboxed frame: its own policy lets it have styles, and nothing else. */
async function mailPreview({ inspector }: Parts, path: string, response: ServerResponse): Promise<boolean> {
  const id = /^\/api\/mails\/([^/]{1,200})\/html$/.exec(path)?.[1]
  if (id === undefined) return false
  const mail = await inspector.mail(decode(id))
  if (mail?.html === undefined) throw ConsoleNotFound({ what: `HTML of mail ${decode(id)}` })
  response.setHeader('content-security-policy', MAIL_POLICY)
  response.setHeader('x-frame-options', 'SAMEORIGIN')
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(mail.html)
  return true
}

function refuse({ log }: Parts, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const known = error instanceof TenfoldError ? error : undefined
  const { path } = target(request)
  if (!known || known.status >= 500) log.error('console request failed', { path, error: messageOf(error) })
  // Whoever reads this runs the app, so that even a failure inside says its own words.
  const { status, code, message, fix } = known ?? ConsoleFailed({ what: path })
  if (response.headersSent) return void response.destroy()
  if (ConsoleThrottled.is(error)) response.setHeader('retry-after', error.details.retryAfterSeconds)
  json(response, status, { code, message, fix } satisfies ApiError)
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(value))
}

function target(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s, 2)
  return { path, query: new URLSearchParams(search) }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw ConsoleBadRequest({ field: part, expected: 'correctly percent-encoded' })
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const expected = `a JSON object of at most ${LARGEST_BODY} bytes`
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk
    if (body.length > LARGEST_BODY) throw ConsoleBadRequest({ field: 'body', expected })
  }
  try {
    return Object(JSON.parse(body))
  } catch {
    throw ConsoleBadRequest({ field: 'body', expected })
  }
}

function listen(server: Server, host: string, port: number, fd: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? ConsolePortTaken({ host, port }, { cause: error }) : error),
    )
    server.listen(fd === undefined ? { port, host } : { fd }, resolve)
  })
}

function close(server: Server | undefined): Promise<void> {
  if (!server) return Promise.resolve()
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 1_000).unref()
  })
}

/** `/metrics` over HTTP, on a port of its own or behind somebody else's door: never on the app's public port. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Service } from '../kernel/index.ts'
import { METRICS_CONTENT_TYPE, metricsFormat, renderMetrics } from './prometheus.ts'
import { MetricsPortTaken } from './errors.ts'
import type { Telemetry } from './telemetry.ts'

export interface MetricsServerOptions {
  telemetry: Telemetry
  /** 0 takes a free one. */
  port: number
  /** A socket to listen on that this process has inherited, as its file descriptor, instead of the port. */
  listenFd?: number | undefined
  /** Defaults to 127.0.0.1. */
  host?: string
  /** What a scraper has to send as `Authorization: Bearer …`. Without one, only requests to a loopback name are answered. */
  token?: string | undefined
}

export interface MetricsServer extends Service {
  /** Known once started. */
  url(): string
}

/** Writes the metrics in the format that the request asks for. */
export function answerMetrics(telemetry: Telemetry, request: IncomingMessage, response: ServerResponse): void {
  const format = metricsFormat(request.headers.accept)
  response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE[format], 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : renderMetrics(telemetry, format))
}

/** Whether the request carries this token. Takes the same time whatever was sent. */
export function carriesToken(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

/** A listener that answers `GET /metrics` and nothing else.
 *  @example
 *  const metrics = createMetricsServer({ telemetry, port: 9464 })
 *  await metrics.start()
 *  metrics.url()          // -> http://127.0.0.1:9464/metrics */
export function createMetricsServer(options: MetricsServerOptions): MetricsServer {
  const { telemetry, port, host = '127.0.0.1', token } = options
  let server: Server | undefined

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const [path] = (request.url ?? '').split('?', 1)
    if (path !== '/metrics') return refuse(response, 404, 'There is only /metrics here.')
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET is answered.')
    if (token === undefined ? !toLoopback(request) : !carriesToken(request, token))
      return refuse(response, 401, 'Send METRICS_TOKEN as a bearer token.')
    answerMetrics(telemetry, request, response)
  }

  return {
    name: 'metrics',
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 8192 }, handle)
        server.once('error', (error: NodeJS.ErrnoException) =>
          reject(error.code === 'EADDRINUSE' ? MetricsPortTaken({ host, port }, { cause: error }) : error),
        )
        server.listen(options.listenFd === undefined ? { port, host } : { fd: options.listenFd }, resolve)
      }),
    stop: () =>
      new Promise((resolve) => {
        if (!server) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    url() {
      const address = server?.address() as AddressInfo | null | undefined
      return `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? port}/metrics`
    },
  }
}

/** Without a token, a page elsewhere could point a name of its own at 127.0.0.1 (DNS rebinding) and read along. */
function toLoopback(request: IncomingMessage): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '')
}

function refuse(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(`${words}\n`)
}

/** What the tests of the request path share: a server with real telemetry and limits, and clients that speak badly. */
import { connect } from 'node:net'
import { systemClock } from '../../kernel/index.ts'
import { openLimits } from '../../limits/index.ts'
import { createTelemetry, type LogRecord, type TraceRecord } from '../../telemetry/index.ts'
import { createServer, type HttpRoute, type HttpServer, type ServerOptions } from '../index.ts'

export interface TestServer extends HttpServer {
  logs: LogRecord[]
  traces: TraceRecord[]
  port: number
  /** Calls a path over a real socket. */
  get(path: string, init?: RequestInit): Promise<Response>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  /** Writes raw bytes and reads until the server closes the connection, or `ms` have passed. */
  raw(bytes: string | Buffer, ms?: number): Promise<string>
}

/** A route for tests, with the fields that every route needs filled in. */
export function route(
  line: `${HttpRoute['method']} /${string}`,
  rest: Omit<HttpRoute, 'method' | 'path' | 'module' | 'name'>,
): HttpRoute {
  const [method, path] = line.split(' ') as [HttpRoute['method'], string]
  return { method, path, module: 'shop', name: line, ...rest }
}

/** Starts a server on a free port. */
export async function startServer(routes: HttpRoute[], options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const logs: LogRecord[] = []
  const traces: TraceRecord[] = []
  const telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'debug', destination: { write: () => {} } })
  telemetry.addSink({ onLog: (log) => logs.push(log), onTrace: (trace) => traces.push(trace) })
  const server = createServer({
    routes,
    name: 'shop',
    version: '1.2.3',
    env: 'test',
    telemetry,
    limits: openLimits({ telemetry, clock: systemClock }),
    secretKey: 'a test key of enough length',
    port: 0,
    ...options,
  })
  await server.start()
  const port = Number(new URL(server.url).port)
  return {
    ...server,
    url: server.url,
    logs,
    traces,
    port,
    get: (path, init) => fetch(server.url + path, init),
    post: (path, body, headers) =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    raw: (bytes, ms = 5000) => talk(port, bytes, ms),
    async stop() {
      await server.stop()
      await telemetry.close()
    },
  }
}

function talk(port: number, bytes: string | Buffer, ms: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const timer = setTimeout(() => socket.destroy(), ms)
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.write(bytes)
  })
}

/** Waits until `holds` is true, at most 5 s. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const until = Date.now() + 5000
  while (!holds()) {
    if (Date.now() > until) throw new Error(`did not happen within 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

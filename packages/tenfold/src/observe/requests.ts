import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { Attributes, Context, RootOptions, Telemetry } from '../telemetry/index.ts'
import { attempt } from './attempt.ts'
import { patternOf, templateOfExpress, templateOfNext } from './names.ts'
import type { Observer } from './seat.ts'

const MOST_PATTERNS = 300
const UNMATCHED = '(unmatched)'
const OTHERS = '(others)'
/** What nginx logs for a client that closed the connection; it is never sent. */
const GONE = 499

/** Each request in a context of its own, named when it is answered. */
export function createRequests(
  telemetry: Telemetry,
  isOwn: (server: Server) => boolean,
  quietly: (fn: () => boolean) => boolean,
): Pick<Observer, 'serve' | 'routed'> {
  const duration = telemetry.metrics.histogram('http.server.request.duration', {
    help: 'Duration of HTTP requests.',
    unit: 's',
  })
  const seen = new WeakSet<IncomingMessage>()
  const templates = new WeakMap<object, string>()
  const patterns = new Set<string>()

  const templateOf = (request: IncomingMessage): string | undefined =>
    templates.get(request) ?? templateOfExpress(request) ?? templateOfNext(request)

  /** A path that nothing has answered yet may be anybody's invention. */
  const patternFor = (path: string, status: number): string => {
    const pattern = patternOf(path)
    if (patterns.has(pattern)) return pattern
    if (status === 404) return UNMATCHED
    if (patterns.size >= MOST_PATTERNS) return OTHERS
    patterns.add(pattern)
    return pattern
  }

  const finish = (request: IncomingMessage, response: ServerResponse, context: Context, started: number): void => {
    const { method = 'GET' } = request
    const status = response.writableFinished ? response.statusCode : GONE
    const template = templateOf(request)
    const route = template ?? patternFor(pathOf(request), status)
    const { root } = context
    root.rename(`${method} ${route}`)
    root.set('http.response.status_code', status)
    if (template !== undefined) root.set('http.route', template)
    if (status >= 500) root.set('error.type', String(status))
    duration.record((performance.now() - started) / 1000, {
      'http.request.method': method,
      'http.route': route,
      'http.response.status_code': String(status),
    })
  }

  return {
    serve(server, request, response, handle) {
      if (isOwn(server)) return quietly(handle)
      // Servers hand requests to each other; it is one all the same.
      const options = seen.has(request) ? undefined : attempt(() => optionsOf(request))
      if (!options) return handle()
      seen.add(request)
      const started = performance.now()
      let outcome: { result: boolean } | { error: unknown } | undefined
      telemetry
        .root(options, (context) => {
          const closed = new Promise<void>((resolve) => response.once('close', resolve))
          try {
            outcome = { result: handle() }
          } catch (error) {
            outcome = { error }
            throw error
          }
          return closed.then(() => finish(request, response, context, started))
        })
        .catch(() => {})
      if (!outcome) return handle()
      if ('error' in outcome) throw outcome.error
      return outcome.result
    },
    routed: (request, template) => void templates.set(request, template),
  }
}

function optionsOf(request: IncomingMessage): RootOptions {
  const { traceparent } = request.headers
  return {
    kind: 'request',
    name: request.method ?? 'GET',
    ...(typeof traceparent === 'string' && { traceparent }),
    attributes: attributesOf(request),
  }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const question = url.indexOf('?')
  return question < 0 ? url : url.slice(0, question)
}

function attributesOf(request: IncomingMessage): Attributes {
  const attributes: Attributes = {
    'http.request.method': request.method ?? 'GET',
    'url.path': pathOf(request).slice(0, 500),
    'client.address': clientOf(request),
  }
  const agent = request.headers['user-agent']
  if (agent !== undefined) attributes['user_agent.original'] = agent.slice(0, 200)
  return attributes
}

const PRIVATE = /^(?:::ffff:)?(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)|^::1$|^f[cd]/i

/** Behind a proxy of the same network, whoever asked the proxy. */
function clientOf({ socket, headers }: IncomingMessage): string {
  const peer = socket.remoteAddress ?? ''
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .at(-1)!
    .trim()
  return PRIVATE.test(peer) && isIP(forwarded) !== 0 ? forwarded : peer
}

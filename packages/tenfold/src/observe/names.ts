/** What requests are called: by the template of their route where the framework tells it, else by their path with what looks
 *  like an id taken out. Either way there are few names, however many addresses are asked for. */
import type { IncomingMessage } from 'node:http'

const MOST_SEGMENTS = 8
const LONGEST = 40
const ID =
  /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,}|(?=.*\d)[\w-]{16,}|.*[@%=,;:+].*)$/i

/** `/orders/42/lines` is `/orders/:id/lines`.
 *  @example patternOf('/users/7f9c1e5a-0000-4000-8000-000000000001')  // -> '/users/:id' */
export function patternOf(path: string): string {
  const segments = path.split('/').slice(1)
  const shown = segments
    .slice(0, MOST_SEGMENTS)
    .map((one) => (ID.test(one) ? ':id' : one.length > LONGEST ? ':text' : one))
  return `/${shown.join('/')}${segments.length > MOST_SEGMENTS ? '/…' : ''}`
}

interface ExpressRequest {
  route?: { path?: unknown }
  baseUrl?: string
}

/** Express (and Nest on it) leaves the route on the request; where a router was mounted is known as a path only. */
export function templateOfExpress(request: IncomingMessage): string | undefined {
  const { route, baseUrl } = request as IncomingMessage & ExpressRequest
  if (typeof route?.path !== 'string' && !(route?.path instanceof RegExp)) return undefined
  const base = baseUrl ? patternOf(baseUrl) : ''
  const own = String(route.path)
  return base + (own === '/' && base ? '' : own)
}

/** Next.js keeps what it matched under this symbol: `/orders/[id]`. */
const NEXT = Symbol.for('NextInternalRequestMeta')

export function templateOfNext(request: object): string | undefined {
  const meta = (request as { [NEXT]?: { match?: { definition?: { pathname?: unknown } } } })[NEXT]
  const pathname = meta?.match?.definition?.pathname
  return typeof pathname === 'string' ? pathname : undefined
}

/** The last handler of Hono's match that is not middleware (which is registered for all methods). */
export function templateOfHono(matched: unknown): string | undefined {
  const [handlers] = matched as [[[unknown, { method?: string; path?: string }], unknown][]]
  for (const [[, route]] of handlers.toReversed()) if (route?.method !== 'ALL') return route?.path
  return undefined
}

import { BadRequest, MethodNotAllowed, RouteUnknown } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HttpRequest, HttpRoute } from './http.ts'
import type { OriginGuard } from './origin.ts'
import { HttpReply } from './reply.ts'

/** What answers a request that no route takes: OPTIONS (also a browser's preflight) with what is possible, another method
 *  of a known path with 405, anything else with 404. */
export function unmatchedRoute(routes: readonly HttpRoute[], origins: OriginGuard): HttpRoute {
  const patterns = routes.map(({ method, path }) => ({ method, segments: path.split('/').slice(1) }))

  const methodsOf = (path: string): string[] => {
    const segments = path.split('/').slice(1)
    const found = new Set(
      patterns.filter((pattern) => fits(pattern.segments, segments)).map(({ method }) => method as string),
    )
    if (found.size === 0) return []
    return [...found, ...(found.has('GET') ? ['HEAD'] : []), 'OPTIONS']
  }

  return {
    method: 'GET',
    path: '',
    module: 'tenfold',
    name: '(unmatched)',
    hidden: true,
    async handle(request: HttpRequest) {
      const x = request as Exchange
      const path = x.url.split('?', 1)[0]!
      const allowed = methodsOf(path)
      if (x.method === 'OPTIONS' && (allowed.length > 0 || path === '*')) {
        x.extra.push('allow', allowed.join(', '), ...origins.preflight(x, allowed))
        return new HttpReply({ status: 204 })
      }
      if (allowed.length === 0) throw RouteUnknown({ method: x.method, path: path.slice(0, 200) })
      x.extra.push('allow', allowed.join(', '))
      throw MethodNotAllowed({ method: x.method, allowed })
    },
  }
}

/** What answers a URL that cannot be decoded. */
export const unreadableRoute: HttpRoute = {
  method: 'GET',
  path: '',
  module: 'tenfold',
  name: '(unreadable)',
  hidden: true,
  handle: async () => {
    throw BadRequest({ problem: 'its URL cannot be decoded, or has a part of more than 2000 characters' })
  },
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.at(-1) === '*')
    return segments.length >= pattern.length && fits(pattern.slice(0, -1), segments.slice(0, pattern.length - 1))
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => (part.includes(':') ? segments[index] !== '' : part === segments[index]))
  )
}

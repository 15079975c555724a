import { CrossOrigin } from './errors.ts'
import type { Exchange } from './exchange.ts'

/** Which pages of other origins may call this app from a browser. None unless listed. */
export interface CorsOptions {
  /** `['https://app.example.com']`, or `'*'` for any page, which then never sends cookies. */
  origins: readonly string[] | '*'
  /** Whether those pages may send the session cookie. Defaults to false; not possible with `'*'`. */
  credentials?: boolean
  /** Request headers allowed besides `content-type`, `authorization`, `x-api-key`, `traceparent` and
   *  `x-tenfold-position`. */
  headers?: readonly string[]
  /** Seconds for which browsers remember the answer to a preflight. Defaults to 600. */
  maxAge?: number
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const EXPOSED =
  'x-request-id, x-tenfold-position, ratelimit, ratelimit-policy, retry-after, location, content-disposition'

/** Decides about pages of other origins. Browsers tell us where a request comes from (`Sec-Fetch-Site`, `Origin`), and
 *  cannot be made to lie by a page; who is not a browser sends neither, and brings no one else's cookies.
 *    - what changes nothing (GET, HEAD) passes: without CORS headers the page cannot read the answer. Not so a WebSocket,
 *      which any page may read
 *    - `authorization: Bearer …` passes: no browser adds that by itself, and cookies are then not looked at
 *    - our own pages, and those of the allow-list, pass; every other page does not. */
export function originGuard(cors: CorsOptions | undefined) {
  const listed = new Set(cors && cors.origins !== '*' ? cors.origins.map((origin) => new URL(origin).origin) : [])
  const any = cors?.origins === '*'
  const credentials = cors?.credentials === true && !any

  const mayRead = (origin: string): boolean => any || listed.has(origin)
  const mayChange = (origin: string, withCookie: boolean): boolean =>
    listed.has(origin) ? credentials || !withCookie : any && !withCookie

  return {
    check(x: Exchange): void {
      const origin = x.raw.headers.origin
      if (cors) x.extra.push('vary', 'origin')
      if (origin !== undefined && cors && mayRead(origin)) {
        x.extra.push('access-control-allow-origin', any ? '*' : origin, 'access-control-expose-headers', EXPOSED)
        if (credentials) x.extra.push('access-control-allow-credentials', 'true')
      }
      if ((SAFE.has(x.method) && !x.upgrade) || x.bearer !== undefined) return
      const site = x.raw.headers['sec-fetch-site']
      if (site === 'same-origin' || site === 'none') return
      if (origin === undefined && site === undefined) return
      if (origin !== undefined && mayChange(origin, x.hasSessionCookie)) return
      if (site === undefined && origin !== undefined && hostOf(origin) === x.host) return
      throw CrossOrigin({ origin: (origin ?? 'another site').slice(0, 200) })
    },

    /** The headers that answer a browser's question before the real request. */
    preflight(x: Exchange, methods: readonly string[]): string[] {
      const origin = x.raw.headers.origin
      const asked = x.raw.headers['access-control-request-method']
      if (!cors || origin === undefined || asked === undefined || !mayRead(origin)) return []
      const headers = [
        'content-type',
        'authorization',
        'x-api-key',
        'traceparent',
        'x-tenfold-position',
        ...(cors.headers ?? []),
      ]
      return [
        'access-control-allow-methods', methods.join(', '),
        'access-control-allow-headers', headers.join(', '),
        'access-control-max-age', String(cors.maxAge ?? 600),
      ] // prettier-ignore
    },
  }
}

export type OriginGuard = ReturnType<typeof originGuard>

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

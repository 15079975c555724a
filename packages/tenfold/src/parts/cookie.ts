/** The one cookie of a session: RFC 6265, and its prefixes by draft-ietf-httpbis-rfc6265bis (`__Host-`: this host alone, TLS alone). */

export interface CookieOptions {
  /** Defaults to `__Host-session`, and to `session` where it is not `secure` or has a `domain`. */
  name?: string
  /** Whether browsers send it over TLS alone. Defaults to true; false is for development over plain HTTP. */
  secure?: boolean
  /** For several hosts of one site. Defaults to the host that set it, and no other. */
  domain?: string
  /** `lax` sends it with links from other sites and with nothing else of theirs; `none` sends it with everything, and wants a
   *  protection of your own against forged requests. Defaults to `lax`. */
  sameSite?: 'lax' | 'strict' | 'none'
}

export function cookieIn(header: string | undefined, options: CookieOptions): string | undefined {
  const name = nameOf(options)
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    // Of a repeated name the first counts, as browsers send the closest first.
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim() || undefined
  }
  return undefined
}

/** The `set-cookie` line. Values are ids, which need no escape. */
export function cookieLine(value: string, maxAgeSeconds: number, options: CookieOptions): string {
  const { secure = true, domain, sameSite = 'lax' } = options
  return [
    `${nameOf(options)}=${value}`,
    `Max-Age=${Math.floor(maxAgeSeconds)}`,
    'Path=/',
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    `SameSite=${SITES[sameSite]}`,
  ].join('; ')
}

const SITES = { lax: 'Lax', strict: 'Strict', none: 'None' }

function nameOf({ name, secure = true, domain }: CookieOptions): string {
  return name ?? (secure && domain === undefined ? '__Host-session' : 'session')
}

/** What every request has to pass, and every answer carries. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConsoleForeignHost, ConsoleForeignOrigin } from './errors.ts'

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host) || host === '::1'
}

/** Nothing inline, nothing from elsewhere, and nobody may frame it. */
export const PAGE_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

/** For a mail shown inside the console: styles and embedded pictures, no script, no network, an origin of its own. */
export const MAIL_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

export function setSecurityHeaders(response: ServerResponse): void {
  response.setHeader('content-security-policy', PAGE_POLICY)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-resource-policy', 'same-origin')
  response.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=()')
  response.setHeader('x-robots-tag', 'noindex')
}

/** Without a token, the only thing between a web page elsewhere and the console is the name it was asked by: a name
 *  that an attacker points at 127.0.0.1 (DNS rebinding) is refused. */
export function requireOwnHost(request: IncomingMessage): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (!LOOPBACK.test(host)) throw ConsoleForeignHost({ host: host.slice(0, 100) })
}

/** Browsers say where a request comes from. Another site cannot read our answers anyway; it shall not cost us work either. */
export function refuseOtherSites(request: IncomingMessage): void {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw ConsoleForeignOrigin()
}

/** An action has to come from the console's own pages: a header that no form can send and no other origin is allowed to,
 *  and, from a browser, our own origin. */
export function requireOwnOrigin(request: IncomingMessage): void {
  const { origin, host, 'x-tenfold-console': own } = request.headers
  const originHost = origin === undefined ? host : URL.parse(origin)?.host
  if (own === undefined || originHost !== host) throw ConsoleForeignOrigin()
}

/** Requests to addresses that customers chose. Whoever may name a URL must not reach our own network with it. */
import { lookup } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { PrivateAddress } from './errors.ts'

export interface Outgoing {
  url: URL
  body: string
  headers: Record<string, string>
  allowPrivate: boolean
  timeoutMs: number
  signal: AbortSignal
}

/** POSTs the body and gives the status. Follows no redirects; what the other side says beyond the status is not read. */
export function post({ url, body, headers, allowPrivate, timeoutMs, signal }: Outgoing): Promise<number> {
  if (!allowPrivate) refuseLiteral(url)
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        ...(!allowPrivate && { lookup: publicOnly }),
      },
      (response) => {
        resolve(response.statusCode ?? 0)
        response.destroy()
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Refuses a URL whose host is written as a private address. Names are checked when they are resolved. */
export function refuseLiteral(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (host === 'localhost' || host.endsWith('.localhost') || (isIP(host) > 0 && isPrivate(host)))
    throw PrivateAddress({ host })
}

/** The connection goes to the very address that was checked, so a name cannot change its mind in between. */
const publicOnly: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, '', 0)
    const first = addresses[0]
    if (!first || addresses.some(({ address }) => isPrivate(address))) return done(PrivateAddress({ host }), '', 0)
    if (options.all) return done(null, addresses)
    done(null, first.address, first.family)
  })
}

export function isPrivate(address: string): boolean {
  return blocked().check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** What is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6.
 *  A list finds IPv4 addresses in their IPv6 spelling by itself. */
function blocked(): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of [
    ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
    ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24],
    ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
  ] as const) list.addSubnet(net, prefix, 'ipv4') // prettier-ignore
  for (const [net, prefix] of [
    ['::', 96],  ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['100::', 64], ['2001::', 23],
    ['2001:db8::', 32], ['2002::', 16], ['fc00::', 7], ['fe80::', 10], ['ff00::', 8],
  ] as const) list.addSubnet(net, prefix, 'ipv6') // prettier-ignore
  return list
}

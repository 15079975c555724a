/** Which addresses are the public internet, and connections to nothing else. Whoever may name a URL must not reach our own
 *  network with it: https://owasp.org/www-community/attacks/Server_Side_Request_Forgery */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { OutboundPrivate } from './errors.ts'

/** Whether the client may connect to what a URL names. */
export interface Guard {
  /** Refuses hosts that are written as a private address; names are looked at when they are resolved. */
  check(host: string): void
  /** For sockets: gives only addresses that were checked, so that a name cannot change its mind in between. */
  readonly lookup: LookupFunction
}

/** How names become addresses. */
export type Resolve = (
  host: string,
  options: LookupOptions & { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** @param resolve defaults to that of Node */
export function createGuard(allowed: boolean | readonly string[], resolve: Resolve = lookup): Guard | undefined {
  if (allowed === true) return undefined
  const names = new Set(allowed === false ? [] : allowed.map((name) => name.toLowerCase()))
  const list = notPublic()
  const isPrivate = (address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return {
    check(host) {
      const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
      if (names.has(bare)) return
      const literal = isIP(bare) > 0
      if ((literal && isPrivate(bare)) || (!literal && isLocalName(bare))) throw OutboundPrivate({ host: bare })
    },
    lookup(host, options, done) {
      resolve(host, { ...options, all: true }, (error, addresses) => {
        if (error) return done(error, '', 0)
        const bad = !names.has(host.toLowerCase()) && addresses.some(({ address }) => isPrivate(address))
        const first = addresses[0]
        // One private address among public ones is refused too: which of them is connected to is not up to us.
        if (bad || !first) return done(OutboundPrivate({ host }), '', 0)
        if (options.all) return done(null, addresses)
        done(null, first.address, first.family)
      })
    },
  }
}

/** Names that never lead to the internet (RFC 6761, RFC 6762, RFC 9476). */
function isLocalName(host: string): boolean {
  return /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/.test(host)
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6. A list finds IPv4 addresses in their
 *  mapped spelling by itself; those that are wrapped otherwise (NAT64, 6to4, Teredo) are refused with their whole network. */
function notPublic(): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of [
    ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
    ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15],
    ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
  ] as const) list.addSubnet(net, prefix, 'ipv4') // prettier-ignore
  for (const [net, prefix] of [
    ['::', 96], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['100::', 64], ['2001::', 23], ['2001:db8::', 32], ['2002::', 16],
    ['3fff::', 20], ['5f00::', 16], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8],
  ] as const) list.addSubnet(net, prefix, 'ipv6') // prettier-ignore
  return list
}

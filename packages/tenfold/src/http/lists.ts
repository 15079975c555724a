import { BlockList, isIP } from 'node:net'
import type { Exchange } from './exchange.ts'
import type { RouteLimit } from './http.ts'

/** Who a limit does not count, and whom it never lets in. */
export interface Lists {
  allows(x: Exchange): boolean
  denies(x: Exchange): boolean
}

/** Undefined for a limit without lists. Throws a RangeError for what looks like a network or an address and is none. */
export function listsOf({ allow, deny }: Pick<RouteLimit, 'allow' | 'deny'>): Lists | undefined {
  if (!allow && !deny) return undefined
  return { allows: matcherOf(allow ?? []), denies: matcherOf(deny ?? []) }
}

function matcherOf(entries: readonly string[]): (x: Exchange) => boolean {
  const networks = new BlockList()
  const users = new Set<string>()
  for (const entry of entries) {
    const [address = '', prefix, ...rest] = entry.split('/')
    const family = isIP(address)
    if (family === 0 || rest.length > 0) users.add(userOf(entry))
    else
      networks.addSubnet(
        address,
        prefix === undefined ? (family === 6 ? 128 : 32) : lengthOf(prefix, entry),
        kindOf(family),
      )
  }
  return ({ ip, user }) => {
    if (user !== undefined && users.has(user.id)) return true
    const family = isIP(ip)
    return family > 0 && networks.check(ip, kindOf(family))
  }
}

/** A slip in a network must not make it the id of a user whom nobody is: digits, dots and colons before a slash and digits. */
const LIKE_NETWORK = /^\s*(?:[\d.\s]+|[\da-f.:\s]*:[\da-f.:\s]*)\/[\s\d/]*$/i
const LIKE_ADDRESS = /^\s*\d+(?:\.\d+){3}\s*$/

function userOf(entry: string): string {
  if (LIKE_NETWORK.test(entry)) throw new RangeError(`'${entry}' is no network.`)
  if (LIKE_ADDRESS.test(entry) || isIP(entry.trim()) > 0) throw new RangeError(`'${entry}' is no address.`)
  return entry
}

function lengthOf(prefix: string, entry: string): number {
  if (!/^\d{1,3}$/.test(prefix)) throw new RangeError(`'${entry}' is no network.`)
  return Number(prefix)
}

function kindOf(family: number): 'ipv4' | 'ipv6' {
  return family === 6 ? 'ipv6' : 'ipv4'
}

import { isIPv4, isIPv6 } from 'node:net'

/** The network of an address: enough to recognise "at home" and "at work", too little to identify a person.
 *  Undefined for what is not an address. */
export function networkOf(ip: string): string | undefined {
  const plain = ip.replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  const address = mapped ?? plain
  if (isIPv4(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  if (!isIPv6(address)) return undefined
  // The URL parser writes an address in its one canonical form.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) while (groups.length < 3) groups.push('0')
  const prefix = groups.slice(0, 3).join(':')
  return `${prefix.replace(/(^0|:0)(:0)*$/, '')}::/48`
}

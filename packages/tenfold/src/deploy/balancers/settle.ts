import { isIP } from 'node:net'
import { BalancerRefused } from './errors.ts'
import type { BalancerOptions, Settled } from './options.ts'

/** The options with their defaults. What goes into a configuration file is checked first: a line break in a name would be a
 *  directive of its own. Throws TF_BALANCER_OPTIONS with all problems. */
export function settle(options: BalancerOptions): Settled {
  const settled: Settled = {
    method: 'least-connections',
    trustedProxies: [],
    checkSeconds: 1,
    answerSeconds: 60,
    bodyMegabytes: 110,
    tls: undefined,
    ...options,
  }
  const problems: string[] = []
  const check = (holds: boolean, problem: string): void => void (holds || problems.push(problem))

  check(/^[a-z][a-z0-9_-]{0,62}$/.test(settled.app), `the app's name '${settled.app}' is not one`)
  check(settled.instances.length > 0, 'there is no instance')
  const names = settled.instances.map(({ name }) => name)
  check(new Set(names).size === names.length, 'two instances have one name')
  for (const { name, host, port, upTo = 1 } of settled.instances) {
    check(Number.isInteger(upTo) && upTo >= 1, `${upTo} is no number of addresses`)
    check(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name), `'${name}' is no name for an instance`)
    check(isHost(host), `'${host}' is no host name and no address`)
    check(isPort(port), `${port} is no port`)
  }
  const { listen, tls, trustedProxies } = settled
  check(listen.host === undefined || isHost(listen.host), `'${listen.host}' is no host name and no address`)
  check(isPort(listen.port), `${listen.port} is no port`)
  if (tls) {
    for (const file of [tls.certificate, tls.key])
      check(/^[\w./@:+-]+$/.test(file), `'${file}' is no path that is safe`)
    check(tls.redirectPort === undefined || isPort(tls.redirectPort), `${tls.redirectPort} is no port`)
  }
  for (const one of trustedProxies) check(isNetwork(one), `'${one}' is no address and no network`)
  for (const key of ['checkSeconds', 'answerSeconds', 'bodyMegabytes'] as const)
    check(settled[key] > 0 && Number.isFinite(settled[key]), `${key} has to be more than 0`)
  if (problems.length > 0) throw BalancerRefused({ problems })
  return settled
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(host)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535
}

/** `203.0.113.9`, `203.0.113.0/24`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
}

/** `[::1]:3000`, `10.0.0.1:3000`. */
export function addressOf({ host, port }: { host: string; port: number }): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

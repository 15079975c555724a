import { createHash } from 'node:crypto'
import { toMs } from '../kernel/index.ts'
import type { Decision, Limiter, Limits } from '../limits/index.ts'
import { RateLimited } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HttpRoute, RouteLimit } from './http.ts'

/** The limits of a route that count the same subject: one decision for all of them. */
export interface PreparedLimit {
  readonly by: RouteLimit['by']
  readonly cost: number
  readonly limiter: Limiter
  /** For each window its name in the `RateLimit` headers and its size. */
  readonly windows: readonly { name: string; max: number; seconds: number }[]
  /** `RateLimit-Policy`, the same for every request. */
  readonly policy: string
}

export function prepareLimits(route: HttpRoute, limits: Pick<Limits, 'define'>): PreparedLimit[] {
  const declared: readonly RouteLimit[] = route.limit === undefined ? [] : [route.limit].flat()
  const groups = Map.groupBy(declared, ({ by, cost = 1, whenAway = 'open' }) => `${by}, cost ${cost}, ${whenAway}`)
  return [...groups].map(([key, group]) => {
    const { by, cost = 1, whenAway = 'open' } = group[0]!
    const windows = group.map(({ max, per }, index) => ({
      name: index === 0 ? by : `${by}-${index + 1}`,
      max,
      seconds: Math.max(1, Math.ceil(toMs(per) / 1000)),
    }))
    return {
      by,
      cost,
      windows,
      limiter: limits.define({
        name: `${route.name} by ${key}`,
        windows: group.map(({ max, per }) => ({ max, per })),
        whenAway,
      }),
      policy: windows.map(({ name, max, seconds }) => `"${name}";q=${max};w=${seconds}`).join(', '),
    }
  })
}

/** Takes from every limit of the route; what is left of the tightest is told to the client (`RateLimit`, IETF draft 10). */
export async function takeLimits(x: Exchange): Promise<void> {
  for (const limit of x.route.limits) tell(x, limit, await limit.limiter.take(subjectOf(x, limit.by), limit.cost))
}

function subjectOf(x: Exchange, by: RouteLimit['by']): string {
  if (by === 'everyone') return 'everyone'
  if (by === 'user' && x.user) return `user ${x.user.id}`
  if (by === 'key') {
    const key = x.raw.headers['x-api-key'] ?? x.raw.headers.authorization
    if (key !== undefined) return `key ${createHash('sha256').update(String(key)).digest('base64url')}`
  }
  return `address ${networkOf(x.ip)}`
}

function tell(x: Exchange, limit: PreparedLimit, decision: Decision): void {
  const { name, max, seconds } = limit.windows[decision.window]!
  x.extra.push('ratelimit-policy', limit.policy)
  x.extra.push('ratelimit', `"${name}";r=${decision.remaining};t=${toSeconds(decision.resetMs)}`)
  if (decision.allowed) return
  const retrySeconds = Math.max(1, toSeconds(decision.retryAfterMs))
  x.extra.push('retry-after', String(retrySeconds))
  throw RateLimited({ max, perSeconds: seconds, retrySeconds })
}

function toSeconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, Math.ceil(ms / 1000)) : 86_400
}

/** The address; of IPv6 the /64 network, since one client has all the addresses of one. */
export function networkOf(ip: string): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip.replace('::ffff:', '')
  const [head = '', tail = ''] = ip.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const zeros = ip.includes('::') ? Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0') : []
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}

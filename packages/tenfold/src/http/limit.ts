import { createHash } from 'node:crypto'
import {
  headersOf,
  networkOf,
  policyOf,
  retrySecondsOf,
  type Decision,
  type Limiter,
  type Limits,
  type Policy,
} from '../limits/index.ts'
import { Denied, RateLimited } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HttpRoute, RouteLimit } from './http.ts'
import { listsOf, type Lists } from './lists.ts'

/** The limits of a route that count the same subject: one decision for all of them. */
export interface PreparedLimit {
  readonly by: RouteLimit['by']
  readonly cost: number
  readonly limiter: Limiter
  readonly policy: Policy
  readonly lists: Lists | undefined
}

export function prepareLimits(route: HttpRoute, limits: Pick<Limits, 'define'>): PreparedLimit[] {
  const declared: readonly RouteLimit[] = route.limit === undefined ? [] : [route.limit].flat()
  const groups = Map.groupBy(
    declared,
    ({ by, cost = 1, whenAway = 'open', allow, deny }) => `${by}, cost ${cost}, ${whenAway}${listed(allow, deny)}`,
  )
  return [...groups].map(([key, group]) => {
    const { by, cost = 1, whenAway = 'open' } = group[0]!
    const windows = group.map(({ max, per }) => ({ max, per }))
    return {
      by,
      cost,
      limiter: limits.define({ name: `${route.name} by ${key}`, windows, whenAway }),
      policy: policyOf(by, windows),
      lists: listsOf(group[0]!),
    }
  })
}

/** Limits with other lists count apart. Of the lists themselves a name must not become longer. */
function listed(...lists: readonly (readonly string[] | undefined)[]): string {
  if (lists.every((list) => list === undefined)) return ''
  return `, lists ${createHash('sha256').update(JSON.stringify(lists)).digest('base64url').slice(0, 8)}`
}

/** Before anything is counted: who is denied by one limit uses up none of the others. */
export function assertNotDenied(x: Exchange): void {
  for (const { lists } of x.route.limits) if (lists?.denies(x)) throw Denied()
}

/** Takes from one of the route's limits; what is left is told to the client (`RateLimit`, IETF draft 10). A promise only where
 *  the store has to be asked. */
export function takeLimit(x: Exchange, limit: PreparedLimit): Promise<void> | undefined {
  if (limit.lists?.allows(x)) return undefined
  const decision = limit.limiter.takeNow(subjectOf(x, limit.by), limit.cost)
  if (decision instanceof Promise) return decision.then((late) => tell(x, limit, late))
  tell(x, limit, decision)
  return undefined
}

export async function penalize(x: Exchange, cost: number): Promise<void> {
  await Promise.all(x.route.limits.map(({ limiter, by }) => limiter.penalize(subjectOf(x, by), cost)))
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

function tell(x: Exchange, { policy }: PreparedLimit, decision: Decision): void {
  for (const [name, value] of headersOf(policy, decision)) x.extra.push(name, value)
  if (decision.allowed) return
  const { max, seconds } = policy.windows[decision.window]!
  throw RateLimited({ max, perSeconds: seconds, retrySeconds: retrySecondsOf(decision) })
}

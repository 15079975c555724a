import { check, isNamedBy, percent, type Rule } from '../rule.ts'
import { without } from '../signals.ts'
import { connectPerRequest, tooManyConnections } from './connections.ts'
import { lockContention, longTransaction } from './locks.ts'
import { lowHitRatio } from './memory.ts'
import { cacheStampede } from './repeats.ts'

const LEAST_MS = 50
const OF_ROUTE = 0.5
/** As many requests at a time as the loop is busy may be our own code; more than three times that are waiting. */
const MORE_THAN_BUSY = 3
const BUSY = 0.6
/** Than any request waits for a processor. */
const MORE_THAN_LATE = 4

/** What has a name explains it better. */
const NAMED: readonly Rule[] = [
  connectPerRequest,
  tooManyConnections,
  longTransaction,
  lockContention,
  lowHitRatio,
  cacheStampede,
]

/** A route waits, and neither for the database nor for a call that is recorded, and it does not compute either: a timer, a
 *  file, a process, a socket of its own, Redis, the pool of threads. By Little's law: more requests are inside of our own code
 *  at a time than the event loop could have worked on. */
export const unseenWait: Rule = {
  code: 'unseen-wait',
  version: 2,
  class: 'code',
  judge(signals) {
    const { evidence, loop, stalled, longestStall, foreign, lost, gc } = signals
    const { routes, window, processes, configuration, traffic } = evidence
    if (loop >= BUSY || (stalled >= 0.05 && longestStall >= 200)) return undefined
    const route = routes.toSorted((a, b) => b.self - a.self)[0]
    if (!route || route.self / route.count < LEAST_MS || route.self < route.ms * OF_ROUTE) return undefined
    // Where others take the machine everything of ours is late, but not for that long.
    const late = foreign.full || foreign.steal > 0.1 || foreign.throttled > 0.05
    if (late && route.self / route.count < traffic.unseenWaitP95 * MORE_THAN_LATE) return undefined
    const atOnce = routes.reduce((sum, { self }) => sum + self, 0) / Math.max(1, window.seconds * 1000)
    const busy = processes.reduce((sum, one) => sum + (one.requests > 0 ? one.loop : 0), 0)
    const explained = Math.min(1, route.self / lost)
    if (atOnce < busy * MORE_THAN_BUSY || isNamedBy(NAMED, signals, explained)) return undefined
    const frequent = routes.filter(({ count }) => count >= traffic.requests * 0.05)
    const everywhere = frequent.length > 1 && frequent.every(({ self, count }) => self / count >= LEAST_MS)
    return {
      structural: true,
      subject: { kind: 'route', name: route.name },
      share: explained,
      proofs: [
        {
          signal: 'of a request, in neither a statement nor a call',
          value: route.self / route.count,
          threshold: LEAST_MS,
          unit: 'ms',
        },
        {
          signal: 'requests in our own code at a time',
          value: atOnce,
          threshold: busy * MORE_THAN_BUSY,
          unit: 'count',
        },
      ],
      against: [
        check('it computes', `event loop ${percent(loop)} busy`, atOnce >= busy * MORE_THAN_BUSY),
        check('something else holds the event loop', `longest stall ${Math.round(longestStall)} ms`, stalled < 0.05),
        check('it is garbage collection', percent(gc), gc < 0.1),
      ],
      facts: {
        route: route.name,
        meanMs: route.self / route.count,
        loop,
        redis: configuration.redis ? 1 : 0,
        everywhere: everywhere ? 1 : 0,
      },
      expected: { what: 'p95', of: route.name, ...without(route.p95, Math.min(0.9, route.self / route.ms)) },
    }
  },
}

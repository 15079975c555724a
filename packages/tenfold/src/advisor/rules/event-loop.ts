import type { Work } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { moduleCrowdsOut } from './architecture.ts'
import { heapFull } from './memory.ts'
import { type Signals, without } from '../signals.ts'

const STALL_MS = 200
const STALLED = 0.05
const FULL = 0.92
/** From here on a single queue waits more than three times as long as it works; and from `ACT` seven times. */
const WARN = 0.7
const ACT = 0.85
const ONE_ROUTE = 0.5
const LEAST_SELF_MS = 3

/** Something runs for long without a break, while there is time left: everybody else waits for its end. */
export const eventLoopStalls: Rule = {
  code: 'event-loop-stalls',
  version: 2,
  class: 'code',
  judge(signals) {
    const { evidence, longestStall, stalled, loop, gc, lost } = signals
    if (longestStall < STALL_MS || stalled < STALLED || loop >= FULL || isForeign(signals)) return undefined
    const works = [...evidence.routes, ...evidence.jobs]
    const route = costliestItself(works.filter((one) => holdsLoop(one, longestStall))) ?? costliestItself(works)
    const wait = (stalled * longestStall) / 2
    const explained = (wait * evidence.traffic.requests) / lost
    return {
      subject: route ? { kind: 'route', name: route.name } : { kind: 'process', name: 'web' },
      share: Math.min(1, explained + (route ? route.self / lost : 0)),
      proofs: [
        { signal: 'longest stall', value: longestStall, threshold: STALL_MS, unit: 'ms' },
        { signal: 'of the time in stalls', value: stalled, threshold: STALLED, unit: 'share' },
      ],
      against: [
        check('the loop is full all the time', percent(loop), loop < FULL),
        check('it is garbage collection', percent(gc), gc < stalled * 0.3),
        check('the machine is taken by others', percent(signals.foreign.share), !signals.foreign.full),
      ],
      facts: { route: route?.name ?? '', longestMs: longestStall, share: stalled },
      expected: { what: 'p95', ...without(signals.felt, Math.min(0.9, explained)) },
    }
  },
}

/** The loop is full, and one route fills it. */
export const cpuBoundRoute: Rule = {
  code: 'cpu-bound-route',
  version: 1,
  class: 'code',
  judge(signals) {
    const { evidence, loop, lost } = signals
    // A heap that is too small makes every route compute.
    if (loop < WARN || isForeign(signals) || (signals.gc > 0.3 && heapFull.judge(signals))) return undefined
    const route = costliestItself(evidence.routes)
    const all = evidence.routes.reduce((sum, { self }) => sum + self, 0)
    if (!route || route.self < all * ONE_ROUTE || route.self / route.count < LEAST_SELF_MS) return undefined
    if (evidence.routes.length > 1 && route.count === evidence.traffic.requests) return undefined
    const own = route.self / Math.max(1, evidence.window.seconds * 1000)
    return {
      subject: { kind: 'route', name: route.name },
      share: Math.min(1, (route.self + signals.share.unseen * lost) / lost),
      proofs: [
        { signal: 'event loop busy', value: loop, threshold: WARN, unit: 'share' },
        { signal: 'of all own time in this route', value: route.self / all, threshold: ONE_ROUTE, unit: 'share' },
        { signal: 'own time of one request', value: route.self / route.count, threshold: LEAST_SELF_MS, unit: 'ms' },
      ],
      against: [
        check('the server works as much', `${signals.working.toFixed(1)} sessions`, !serverIsFull(signals)),
        check('the machine is taken by others', percent(signals.foreign.share), !signals.foreign.full),
      ],
      facts: { route: route.name, selfMs: route.self / route.count, loop, own },
      expected: {
        what: 'p95',
        ...without(signals.felt, Math.min(0.9, 1 - (1 - loop) / Math.max(0.05, 1 - loop + own))),
      },
    }
  },
}

/** The loop is full with the work of all routes: more loops are needed. */
export const eventLoopFull: Rule = {
  code: 'event-loop-full',
  version: 1,
  class: 'hardware',
  judge(signals) {
    const { evidence, loop } = signals
    if (loop < ACT || serverIsFull(signals) || isForeign(signals)) return undefined
    // More of all would mostly be more of that one.
    if (moduleCrowdsOut.judge(signals)) return undefined
    const { instances } = evidence.configuration
    return {
      subject: { kind: 'process', name: 'web' },
      share: signals.share.self + signals.share.unseen,
      proofs: [{ signal: 'event loop busy', value: loop, threshold: ACT, unit: 'share' }],
      against: [
        check('one route fills it', 'none has half of it', true),
        check('the server is full, too', `${signals.working.toFixed(1)} sessions`, !serverIsFull(signals)),
        check('the machine is taken by others', percent(signals.foreign.share), !signals.foreign.full),
      ],
      facts: { loop, instances, needed: Math.ceil((instances * loop) / 0.6) },
      expected: { what: 'p95', ...without(signals.felt, 0.6) },
    }
  },
}

/** Who stands in the line waits for half of a stall on average, and only sometimes; whoever makes it is at it each time. */
function holdsLoop({ self, count }: Work, stallMs: number): boolean {
  return self / Math.max(1, count) >= stallMs * 0.5
}

function costliestItself(works: readonly Work[]): Work | undefined {
  return works.toSorted((a, b) => b.self - a.self)[0]
}

function serverIsFull({ working, cores }: Signals): boolean {
  return cores !== undefined && working > cores * 0.7
}

function isForeign({ foreign }: Signals): boolean {
  return foreign.full || foreign.steal > 0.1 || foreign.throttled > 0.05
}

import { check, percent, type Rule } from '../rule.ts'
import { sameShape, without } from '../signals.ts'
import { heldIdle, idleForCalls } from './locks.ts'

/** A route waits for somebody else's service while its users wait for it. */
export const slowCall: Rule = {
  code: 'slow-call',
  version: 2,
  class: 'code',
  judge(signals) {
    const { evidence, lost, longestStall, stalled } = signals
    const route = evidence.routes.toSorted((a, b) => b.outgoing - a.outgoing)[0]
    const host = route?.hosts[0]
    if (!route || !host) return undefined
    // Called inside a transaction it holds a connection for as long, and others wait for that one.
    const holds = heldIdle(signals) && idleForCalls(signals)
    const behind = holds ? evidence.routes.reduce((sum, { pool }) => sum + pool, 0) : 0
    const ofRoute = (route.outgoing + (holds ? route.pool : 0)) / Math.max(1, route.ms)
    const meanMs = host.ms / Math.max(1, host.count)
    if (ofRoute < 0.5) return undefined
    return {
      structural: true,
      subject: { kind: 'route', name: route.name },
      share: Math.min(1, (route.outgoing + behind) / lost),
      proofs: [
        { signal: 'of the route’s time in calls to others', value: ofRoute, threshold: 0.5, unit: 'share' },
        { signal: 'one call', value: meanMs, threshold: 50, unit: 'ms' },
      ],
      against: [
        check(
          'our own event loop stood still meanwhile',
          `longest ${Math.round(longestStall)} ms`,
          stalled < 0.05 || longestStall < meanMs,
        ),
        check('several hosts share it', `${route.hosts.length} hosts`, host.ms > route.outgoing * 0.5),
      ],
      facts: {
        route: route.name,
        host: host.host,
        meanMs,
        perRequest: host.count / Math.max(1, route.count),
        held: behind > 0 ? 1 : 0,
      },
      expected: { what: 'p95', of: route.name, ...without(route.p95, ofRoute) },
    }
  },
}

const MANY_ROWS = 500

/** A statement returns many rows to a request: they are read, parsed and mostly thrown away. */
export const overFetch: Rule = {
  code: 'over-fetch',
  version: 1,
  class: 'code',
  judge({ evidence, lost, loop, share }) {
    const found = evidence.routes.flatMap((route) =>
      route.queries
        .filter(({ rows, calls }) => rows / Math.max(1, calls) >= MANY_ROWS)
        .map((query) => ({ route, query, ms: query.ms + route.self })),
    )
    const worst = found.toSorted((a, b) => b.ms - a.ms)[0]
    if (!worst) return undefined
    const { route, query, ms } = worst
    const onServer = evidence.database?.queries.find((one) => sameShape(one.query, query.query))
    const k = onServer ? Math.min(1, onServer.ms / Math.max(1, query.ms)) : undefined
    if (k !== undefined && k > 0.6) return undefined
    const rows = query.rows / query.calls
    // To read and to write that many rows keeps the loop: others wait for it unseen.
    const inLoop = evidence.routes.reduce((sum, { self, database }) => sum + self + database, 0)
    const behind = share.unseen * (ms / Math.max(1, inLoop))
    return {
      structural: true,
      subject: { kind: 'route', name: route.name },
      share: Math.min(1, ms / lost + behind),
      proofs: [
        { signal: 'rows in each answer', value: rows, threshold: MANY_ROWS, unit: 'rows' },
        { signal: 'event loop busy', value: loop, threshold: 0.3, unit: 'share' },
      ],
      against: [
        check('the server is what is slow', k === undefined ? 'not seen' : percent(k), k === undefined || k < 0.6),
        check('it is an export on purpose', `${route.count} requests`, route.count >= evidence.traffic.requests * 0.05),
      ],
      facts: { route: route.name, query: query.query, rows },
      expected: { what: 'p95', of: route.name, ...without(route.p95, Math.min(0.9, ms / Math.max(1, route.ms))) },
    }
  },
}

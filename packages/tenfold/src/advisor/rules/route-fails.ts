import { check, percent, type Rule } from '../rule.ts'

const LEAST_ERRORS = 10
const OF_ROUTE = 0.02
const OF_ALL_ERRORS = 0.3
const FULL_DISK = 0.02
/** A fiftieth of a large disk is still much. */
const FULL_BYTES = 1e9

/** Requests are answered in time, with an error. Where they are slow or turned away as well, that is the cause to begin with. */
export const routeFails: Rule = {
  code: 'route-fails',
  version: 2,
  class: 'code',
  judge({ evidence, harm }) {
    const { routes, traffic, hosts, changes, takenAt } = evidence
    if (harm.includes('p95') || harm.includes('shed') || !harm.includes('errors')) return undefined
    const route = routes.toSorted((a, b) => b.errors - a.errors)[0]
    if (!route || route.errors < LEAST_ERRORS || route.errors < route.count * OF_ROUTE) return undefined
    const ofErrors = route.errors / Math.max(1, traffic.errors)
    const full = hosts.some(({ diskFree = 1, diskFreeBytes = 0 }) => diskFree < FULL_DISK && diskFreeBytes < FULL_BYTES)
    const release = changes.find(({ at, what }) => what === 'release' && takenAt - at < 3_600_000)
    return {
      structural: true,
      subject: { kind: 'route', name: route.name },
      share: Math.min(1, route.errors / Math.max(1, traffic.requests)),
      proofs: [
        { signal: 'of its requests failed', value: route.errors / route.count, threshold: OF_ROUTE, unit: 'share' },
        { signal: 'failures', value: route.errors, threshold: LEAST_ERRORS, unit: 'count' },
      ],
      against: [
        check('other routes fail as well', `${percent(1 - ofErrors)} of all failures`, ofErrors >= OF_ALL_ERRORS),
        check('the disk is full', full ? 'hardly anything is free' : 'there is room', !full),
      ],
      facts: {
        route: route.name,
        failures: route.errors,
        count: route.count,
        others: ofErrors < OF_ALL_ERRORS ? 1 : 0,
        full: full ? 1 : 0,
        ...(route.hosts[0] && { host: route.hosts[0].host }),
        ...(release && { release: release.name }),
      },
      expected: { what: 'failed runs', of: route.name, before: route.errors / route.count, low: 0, high: 0.01 },
    }
  },
}

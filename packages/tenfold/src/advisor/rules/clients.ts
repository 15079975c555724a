import { check, percent, type Rule } from '../rule.ts'
import { without } from '../signals.ts'

const HALF = 0.5
/** Fewer, and one of them may well be half of all: an office behind one address, a partner, a proxy that we do not trust. */
const LEAST_CLIENTS = 5

/** One client sends more than all others together, and takes the time that they wait for. */
export const noisyClient: Rule = {
  code: 'noisy-client',
  version: 1,
  class: 'settings',
  judge({ evidence, felt, loop }) {
    const { traffic, routes, window } = evidence
    const { clients, topClientShare: ofRequests } = traffic
    if (!clients || clients.seen < LEAST_CLIENTS || ofRequests < HALF || clients.topTime < HALF * 0.6) return undefined
    const others = (traffic.requests * (1 - ofRequests)) / Math.max(1, window.seconds) / (clients.seen - 1)
    const own = (traffic.requests * ofRequests) / Math.max(1, window.seconds)
    if (own < others * 5) return undefined
    const route = routes.toSorted((a, b) => b.count - a.count)[0]
    return {
      structural: true,
      subject: { kind: 'client', name: 'one client' },
      share: clients.topTime,
      proofs: [
        { signal: 'of all requests', value: ofRequests, threshold: HALF, unit: 'share' },
        { signal: 'of the time of all requests', value: clients.topTime, threshold: HALF * 0.6, unit: 'share' },
        { signal: 'its requests', value: own, threshold: others * 5, unit: 'per second' },
      ],
      against: [
        check(
          'there are hardly others',
          `${clients.seen} clients in a slot of ${window.slotSeconds} s`,
          clients.seen >= LEAST_CLIENTS,
        ),
        check(
          'the others alone are too many',
          `loop ${percent(loop * (1 - clients.topTime))} busy without it`,
          loop * (1 - clients.topTime) < 0.7,
        ),
      ],
      facts: { ofRequests, ofTime: clients.topTime, own, others, clients: clients.seen, route: route?.name ?? '' },
      expected: { what: 'p95', ...without(felt, Math.min(0.9, ofRequests)) },
    }
  },
}

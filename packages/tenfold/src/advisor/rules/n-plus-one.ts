import type { Work } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { aloneMs, sameShape, without } from '../signals.ts'

const REPEATS = 10
const MEAN = 5
const EXPENSIVE_MS = 20
/** Where it is known that the keys come from the rows of another statement, a few are enough to be sure what it is. */
const KNOWN_REPEATS = 4

/** A route that runs the same statement for each row: many calls, each of them cheap for the server. */
export const nPlusOne: Rule = {
  code: 'n-plus-one',
  version: 3,
  class: 'code',
  judge(signals) {
    const { evidence, lost, harm } = signals
    const placeOf = ({ query }: { query: string }) =>
      evidence.repeats.find((one) => one.code === 'n-plus-one' && sameShape(one.query, query))
    const found = [...evidence.routes, ...evidence.jobs].flatMap((work) =>
      work.queries
        .filter((query) => {
          const { mostInOne, repeated, calls } = query
          if (mostInOne >= KNOWN_REPEATS && calls >= work.count * KNOWN_REPEATS && placeOf(query)) return true
          // Requests that were given up stop in the middle of it: then the mean tells.
          return mostInOne >= REPEATS && (repeated >= work.count * 0.2 || calls >= work.count * MEAN)
        })
        .map((query) => ({ work, query })),
    )
    const isJob = (work: Work): boolean => evidence.jobs.includes(work)
    const wanted = harm.length === 1 && harm[0] === 'jobs'
    const last = ({ work }: { work: Work }): number => Number(isJob(work) !== wanted)
    const worst = found.toSorted((a, b) => last(a) - last(b) || b.query.ms - a.query.ms)[0]
    if (!worst) return undefined
    const { work, query } = worst
    const waiting = (work.database + work.pool) / Math.max(1, work.ms)
    const ofCalls = query.calls / Math.max(1, work.calls)
    const onServer = evidence.database?.queries.find((one) => sameShape(one.query, query.query))
    const serverMs = onServer ? onServer.ms / Math.max(1, onServer.calls) : undefined
    const share = (work.database + work.pool) / (isJob(work) ? Math.max(1, evidence.queue.busyMs) : lost)
    const place = placeOf(query)
    if (waiting < 0.5 || ofCalls < 0.7) return undefined
    // Then it is what each of them costs, and not how many there are.
    if (onServer && aloneMs(onServer, signals) >= EXPENSIVE_MS && onServer.ms > query.ms * 0.7) return undefined
    return {
      structural: true,
      subject: { kind: isJob(work) ? 'job' : 'route', name: work.name },
      share: Math.min(1, share * ofCalls),
      proofs: [
        {
          signal: 'the same statement in one request',
          value: query.mostInOne,
          threshold: place ? KNOWN_REPEATS : REPEATS,
          unit: 'count',
        },
        { signal: 'of the time of its requests', value: waiting, threshold: 0.5, unit: 'share' },
      ],
      against: [
        check(
          'each of them is expensive for the server',
          serverMs === undefined ? 'not seen' : `${serverMs.toFixed(2)} ms`,
          serverMs === undefined || serverMs < 5,
        ),
        check('it is one statement of many', percent(ofCalls), ofCalls >= 0.7),
      ],
      facts: {
        route: work.name,
        query: query.query,
        times: Math.round(query.calls / Math.max(1, work.count)),
        ...(place?.place !== undefined && { place: place.place }),
      },
      expected: { what: 'p95', of: work.name, ...without(work.p95, waiting * ofCalls * (1 - 1 / query.mostInOne)) },
    }
  },
}

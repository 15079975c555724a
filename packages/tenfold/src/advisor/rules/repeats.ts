/** Reads that ask for what was read a moment ago: what a cache would answer. */
import type { Asked, QueryEvidence, Work } from '../../evidence/index.ts'
import { check, type Judgement, percent, type Rule } from '../rule.ts'
import { sameShape, type Signals, without } from '../signals.ts'

const LEAST_CALLS = 100
/** A stampede is rare calls, many at a time. */
const LEAST_IN_STAMPEDES = 20
/** What is quicker is over before the next one comes, unless it is our own event loop that is late. */
const LEAST_STAMPEDE_MS = 5
const AGAIN = 0.6
const OF_SERVER_TIME = 0.2
const LEAST_MEAN_MS = 1
/** So many writes for each read: what is kept would be out of date before it is asked for again. */
const WRITES = 0.05
const ONE_KEY = 0.3
const MANY_PAGES = 1000
const BESIDE = 0.5
const AT_ONCE = 5

/** Something is kept, but when it gets old everybody loads it at once: the same statement, again and again at the same time,
 *  in requests most of which do without it. */
export const cacheStampede: Rule = {
  code: 'cache-stampede',
  version: 1,
  class: 'code',
  judge(signals) {
    const found = repeatsIn(signals)
      .filter(({ asked }) => asked.beside >= asked.calls * BESIDE && asked.mostAtOnce >= AT_ONCE)
      .find(
        ({ perRequest, share, ofServer, onServer }) =>
          perRequest < 0.5 && share >= 0.1 && ofServer >= OF_SERVER_TIME && meanOf(onServer) >= LEAST_STAMPEDE_MS,
      )
    if (!found) return undefined
    const { asked, work, perRequest, onServer } = found
    const ofRoute = Math.min(0.95, (work.database + work.pool) / Math.max(1, work.ms))
    return {
      structural: true,
      subject: { kind: 'query', name: asked.query },
      share: found.share,
      proofs: [
        {
          signal: 'of its calls, while the same was running',
          value: asked.beside / asked.calls,
          threshold: BESIDE,
          unit: 'share',
        },
        { signal: 'of the very same at once', value: asked.mostAtOnce, threshold: AT_ONCE, unit: 'count' },
        { signal: 'requests of its route that need it', value: perRequest, threshold: 0.5, unit: 'share' },
      ],
      against: [
        check(
          'each asks for something else',
          percent(1 - asked.again / asked.calls),
          asked.again >= asked.calls * AGAIN,
        ),
        check('every request needs it', `${perRequest.toFixed(2)} calls for each`, perRequest < 0.5),
      ],
      facts: {
        query: asked.query,
        route: work.name,
        mostAtOnce: asked.mostAtOnce,
        calls: asked.calls,
        meanMs: meanOf(onServer),
      },
      expected: { what: 'p95', of: work.name, ...without(work.p95, ofRoute) },
    }
  },
}

/** Most reads of one statement are for the same few rows, and nobody keeps them. */
export const repeatedReads: Rule = {
  code: 'repeated-reads',
  version: 1,
  class: 'cache',
  judge: (signals) => cacheable(signals, (asked) => !isOneKey(asked)),
}

/** The same, and a good part of them is for one row: what everybody looks at. */
export const hotKey: Rule = {
  code: 'hot-key',
  version: 1,
  class: 'cache',
  judge: (signals) => cacheable(signals, isOneKey),
}

/** One among others: where nearly all calls are the same, there is nothing else to be asked for. */
function isOneKey({ top, calls }: Asked): boolean {
  return top >= calls * ONE_KEY && top <= calls * 0.97
}

function cacheable(signals: Signals, wanted: (asked: Asked) => boolean): Judgement | undefined {
  const { database } = signals.evidence
  const found = repeatsIn(signals).find(({ asked, onServer, perRequest, ofServer, writes }) => {
    if (!onServer || !wanted(asked) || asked.calls < LEAST_CALLS || perRequest < 0.5) return false
    if (asked.again < asked.calls * AGAIN || writes > asked.calls * WRITES) return false
    return ofServer >= OF_SERVER_TIME && meanOf(onServer) >= LEAST_MEAN_MS
  })
  if (!found || !database) return undefined
  const { asked, work, share, ofServer, writes, onServer } = found
  const pages = (onServer?.blocks ?? 0) / Math.max(1, onServer?.calls ?? 1)
  const again = asked.again / asked.calls
  const ofWork = (work.database + work.pool) / Math.max(1, work.ms)
  return {
    structural: true,
    subject: { kind: 'query', name: asked.query },
    share: share * again,
    proofs: [
      { signal: 'of its calls for what was asked a moment before', value: again, threshold: AGAIN, unit: 'share' },
      { signal: 'of the server’s time', value: ofServer, threshold: OF_SERVER_TIME, unit: 'share' },
      ...(isOneKey(asked)
        ? [
            {
              signal: 'of its calls for one and the same',
              value: asked.top / asked.calls,
              threshold: ONE_KEY,
              unit: 'share' as const,
            },
          ]
        : []),
    ],
    against: [
      check(
        'its tables are written all the time',
        `${Math.round(writes)} writes for ${asked.calls} reads`,
        writes <= asked.calls * WRITES,
      ),
      check('an index would make it cheap', `${Math.round(pages)} pages in each call`, pages < MANY_PAGES),
    ],
    facts: { query: asked.query, route: work.name, again, top: asked.top / asked.calls, ofServer },
    expected: { what: 'p95', of: work.name, ...without(work.p95, Math.min(0.95, ofWork * again)) },
  }
}

interface Repeat {
  asked: Asked
  work: Work
  onServer: QueryEvidence | undefined
  /** Calls for each request of the route that asks most. */
  perRequest: number
  /** Of the time of all requests, and of the server's. */
  share: number
  ofServer: number
  /** Of the tables that it names. */
  writes: number
}

/** What is asked often enough, dearest first. */
function repeatsIn({ evidence, lost, share: shares }: Signals): Repeat[] {
  const { database, routes } = evidence
  if (!database) return []
  const all = (evidence.asked ?? []).flatMap((asked): Repeat[] => {
    const of = (work: Work) => work.queries.find((one) => sameShape(one.query, asked.query))
    const work = routes.toSorted((a, b) => (of(b)?.ms ?? 0) - (of(a)?.ms ?? 0))[0]
    const own = work && of(work)
    if (!own || asked.calls < LEAST_IN_STAMPEDES) return []
    const onServer = database.queries.find((one) => sameShape(one.query, asked.query))
    const ofServer = (onServer?.ms ?? 0) / Math.max(1, database.seen.server)
    const share = Math.min(1, own.ms / lost + shares.pool * ofServer)
    return [
      {
        asked,
        work,
        onServer,
        perRequest: own.calls / Math.max(1, work.count),
        share,
        ofServer,
        writes: writesTo(asked, database.tables),
      },
    ]
  })
  return all.sort((a, b) => b.share - a.share)
}

function meanOf(query: QueryEvidence | undefined): number {
  return query ? query.ms / Math.max(1, query.calls) : 0
}

function writesTo({ query }: Asked, tables: readonly { name: string; writes: number }[]): number {
  const words = new Set(query.toLowerCase().split(/\W+/))
  return tables.filter(({ name }) => words.has(name.split('.').at(-1)!)).reduce((sum, { writes }) => sum + writes, 0)
}

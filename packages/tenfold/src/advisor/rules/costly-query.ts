import type { QueryEvidence } from '../../evidence/index.ts'
import { check, isNamedBy, isRival, percent, type Rule } from '../rule.ts'
import { aloneMs, sameShape, type Signals, without } from '../signals.ts'
import { largeTable } from './architecture.ts'
import { poolTooSmall, tooManyConnections } from './connections.ts'
import { cronInterferes } from './cron.ts'
import { lowHitRatio } from './memory.ts'
import { clientMs, missingIndex, userOf } from './missing-index.ts'
import { cacheStampede, hotKey, repeatedReads } from './repeats.ts'
import { deadRows } from './server.ts'

/** Of what users are promised, one statement alone. */
const OF_PROMISE = 0.3
const OF_SERVER_TIME = 0.3
const LEAST_CALLS = 5
const MANY_PAGES = 1000
const SPILLS = 1e6

/** What explains the same statement by something cheaper to end than the statement itself. */
const CLOSER: readonly Rule[] = [missingIndex, cacheStampede, deadRows, hotKey, repeatedReads, largeTable]
/** What makes any statement look slow, or is the reason that it is asked. */
const AROUND: readonly Rule[] = [cronInterferes, lowHitRatio, tooManyConnections]

/** One statement costs the server so much that whoever needs it waits, and others behind it: a report, a sort, a join that
 *  became too large, a scan that hides in a function. Where an index is known to be missing, that is the cause instead. */
export const costlyQuery: Rule = {
  code: 'costly-query',
  version: 2,
  class: 'code',
  judge(signals) {
    const { evidence, promised, share, lost, k } = signals
    const { database, routes, jobs, window } = evidence
    if (!database || share.database + share.pool < 0.2) return undefined
    const query = database.queries.find((one) => isCostly(one, signals))
    if (!query) return undefined
    const alone = aloneMs(query, signals)
    const ofServer = query.ms / Math.max(1, database.seen.server)
    // Sessions that wait for a lock or a timer inside of it take the server nothing.
    const atOnce = query.ms / Math.max(1, window.seconds * 1000)
    const { cpu, io, latch, lock } = database.active
    const works = cpu + io + latch >= atOnce * 0.5
    if (!works && lock >= 0.25) return undefined
    const user = userOf(query, [...routes, ...jobs])
    const own = user ? clientMs(user, query) : 0
    const behind = (share.database + share.pool) * ofServer
    const isJob = user !== undefined && jobs.includes(user)
    const explained = Math.min(1, Math.max(behind, isJob ? 0 : own / lost))
    const ofJobs = own / Math.max(1, evidence.queue.busyMs)
    if (isExplained(query, signals, isJob ? Math.max(explained, ofJobs) : explained)) return undefined
    const ofUser = user ? (own + user.pool * ofServer) / Math.max(1, user.ms) : behind
    return {
      structural: true,
      subject: { kind: 'query', name: query.query },
      share: explained,
      proofs: [
        { signal: 'of the server, each time', value: alone, threshold: promised * OF_PROMISE, unit: 'ms' },
        { signal: 'of the server’s time', value: ofServer, threshold: OF_SERVER_TIME, unit: 'share' },
      ],
      against: [
        check('an index is missing', 'no plan that was read scans a table for few rows', true),
        check(
          'the server is quick and we are late',
          k === undefined ? 'not seen' : percent(k),
          k === undefined || k > 0.3,
        ),
        check('it waits for others', `${lock.toFixed(1)} sessions wait for locks`, lock < 0.25),
      ],
      facts: {
        query: query.query,
        meanMs: alone,
        calls: query.calls,
        ofServer,
        pages: query.blocks / query.calls,
        many: query.blocks / query.calls >= MANY_PAGES ? 1 : 0,
        spills: database.tempBytes / Math.max(1, window.seconds) > SPILLS ? 1 : 0,
        works: works ? 1 : 0,
        ...(user && { route: user.name }),
        ...(isJob && { ofJobs }),
      },
      expected: {
        what: 'p95',
        ...(user && !isJob && { of: user.name }),
        ...without(user && !isJob ? user.p95 : signals.felt, Math.min(0.9, ofUser)),
      },
    }
  },
}

function isCostly(query: QueryEvidence, signals: Signals): boolean {
  const { evidence, promised } = signals
  const ofServer = query.ms / Math.max(1, evidence.database!.seen.server)
  if (query.calls < LEAST_CALLS || ofServer < OF_SERVER_TIME) return false
  return aloneMs(query, signals) >= promised * OF_PROMISE
}

function isExplained(one: QueryEvidence, signals: Signals, share: number): boolean {
  const { query } = one
  if (isNamedBy(AROUND, signals, share)) return true
  // What alone takes longer than promised would do so with any pool, and it is what the connections are held by.
  if (aloneMs(one, signals) < signals.promised && isNamedBy([poolTooSmall], signals, share)) return true
  return CLOSER.some((rule) => {
    const rival = rule.judge(signals)
    if (!rival || !isRival(rival, share)) return false
    const { subject } = rival
    if (subject.kind === 'query') return sameShape(subject.name, query)
    return query.toLowerCase().split(/\W+/).includes(subject.name.split('.').at(-1)!.toLowerCase())
  })
}

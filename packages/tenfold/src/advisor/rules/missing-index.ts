import type { QueryEvidence, Work } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { sameShape, without } from '../signals.ts'

const BLOCKS_PER_CALL = 300
const BLOCKS_PER_ROW = 30
const OF_SERVER_TIME = 0.2
const SMALL_TABLE_PAGES = 300

/** A statement that reads many pages for few rows, by a scan with a filter. */
export const missingIndex: Rule = {
  code: 'missing-index',
  version: 1,
  class: 'code',
  judge({ evidence, lost, share }) {
    const { database, routes, jobs } = evidence
    if (!database) return undefined
    const server = Math.max(1, database.seen.server)
    const suspects = database.queries.filter((query) => readsTooMuch(query) && query.ms / server >= OF_SERVER_TIME)
    // With a plan it is known what it scans; without one (an older server) the pages speak alone.
    const query = suspects.find(({ scans }) => scans?.some(({ pages }) => pages >= SMALL_TABLE_PAGES)) ?? suspects[0]
    if (!query) return undefined
    const scan = query.scans?.find(({ pages }) => pages >= SMALL_TABLE_PAGES)
    const perCall = query.blocks / query.calls
    const rows = query.rows / query.calls
    const user = userOf(query, [...routes, ...jobs])
    const ofServer = query.ms / server
    const ofRoute = user ? clientMs(user, query) / Math.max(1, user.ms) : share.database
    const clientShare = user ? (clientMs(user, query) + user.pool * ofServer) / lost : share.database * ofServer
    return {
      structural: true,
      subject: { kind: 'query', name: query.query },
      share: Math.min(1, clientShare),
      proofs: [
        { signal: 'pages read in each call', value: perCall, threshold: BLOCKS_PER_CALL, unit: 'blocks' },
        { signal: 'pages for each row', value: perCall / Math.max(1, rows), threshold: BLOCKS_PER_ROW, unit: 'blocks' },
        { signal: 'of the server’s time', value: ofServer, threshold: OF_SERVER_TIME, unit: 'share' },
      ],
      against: [
        check(
          'its plan uses an index',
          scan ? `sequential scan of ${scan.table}` : 'plan not seen',
          scan !== undefined,
        ),
        check(
          'it needs a good part of the table',
          scan ? percent(rows / Math.max(1, scan.rows)) : 'not known',
          scan !== undefined && rows < scan.rows * 0.1,
        ),
        check('the table is small', scan ? `${scan.pages} pages` : 'not known', scan !== undefined),
      ],
      facts: {
        query: query.query,
        calls: query.calls,
        meanMs: query.ms / query.calls,
        ...(user && { route: user.name }),
        ...(user && jobs.includes(user) && { ofJobs: clientMs(user, query) / Math.max(1, evidence.queue.busyMs) }),
        ...(scan && { table: `${scan.schema}.${scan.table}`, columns: scan.columns.join(', '), pages: scan.pages }),
      },
      expected: {
        what: 'p95',
        ...(user && { of: user.name }),
        ...without(user?.p95 ?? evidence.traffic.p95, ofRoute + (user ? user.pool / Math.max(1, user.ms) : 0)),
      },
    }
  },
}

function readsTooMuch({ blocks, rows, calls, scans }: QueryEvidence): boolean {
  const perCall = blocks / Math.max(1, calls)
  if (perCall < BLOCKS_PER_CALL || blocks < rows * BLOCKS_PER_ROW) return false
  // A plan that was read and has no such scan speaks against it.
  return scans === undefined || scans.length > 0
}

/** Who spends most time on it. */
export function userOf(query: QueryEvidence, works: readonly Work[]): Work | undefined {
  return works.toSorted((a, b) => clientMs(b, query) - clientMs(a, query)).find((work) => clientMs(work, query) > 0)
}

/** What one route or job waits for it, in all. */
export function clientMs(work: Work, query: QueryEvidence): number {
  return work.queries.filter((one) => sameShape(one.query, query.query)).reduce((sum, { ms }) => sum + ms, 0)
}

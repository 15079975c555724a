/** The last steps, which cost most: advised where nothing cheaper is left. */
import { check, percent, type Rule } from '../rule.ts'
import { without } from '../signals.ts'

const OF_DATABASE = 0.3
const LEAST_BUSY = 0.5

/** Several instances keep what they share in Postgres, and that is a good part of its work. */
export const needsRedis: Rule = {
  code: 'needs-redis',
  version: 1,
  class: 'architecture',
  judge({ evidence, share, cores, working, felt }) {
    const { configuration, database } = evidence
    const { platform } = database ?? {}
    if (!database || !platform || configuration.redis || configuration.instances < 2) return undefined
    const shared = platform.sessions + platform.limits + platform.cache
    const all = database.seen.server + shared + platform.jobs + platform.other
    const ofDatabase = shared / Math.max(1, all)
    const busy = working / (cores ?? 4)
    if (ofDatabase < OF_DATABASE || busy < LEAST_BUSY) return undefined
    const [first] = (['sessions', 'limits', 'cache'] as const).toSorted((a, b) => platform[b] - platform[a])
    return {
      structural: true,
      subject: { kind: 'database', name: first! },
      share: Math.max(share.database + share.pool, busy >= 0.9 ? 0.3 : 0) * ofDatabase,
      proofs: [
        {
          signal: 'of the server’s time for sessions, limits and shared values',
          value: ofDatabase,
          threshold: OF_DATABASE,
          unit: 'share',
        },
        { signal: 'sessions that work', value: working, threshold: (cores ?? 4) * LEAST_BUSY, unit: 'sessions' },
        { signal: 'instances', value: configuration.instances, threshold: 2, unit: 'count' },
      ],
      against: [check('the app’s own statements are what it does', percent(1 - ofDatabase), ofDatabase >= OF_DATABASE)],
      facts: { first: first!, ofDatabase, instances: configuration.instances },
      expected: { what: 'p95', ...without(felt, Math.min(0.8, (share.database + share.pool) * ofDatabase)) },
    }
  },
}

const MANY_ROWS = 50_000_000
const FROM_DISK = 0.05

/** A table has outgrown the memory, is hardly ever changed, and what is read of it comes from disk. */
export const largeTable: Rule = {
  code: 'large-table',
  version: 1,
  class: 'architecture',
  judge({ evidence, share, felt }) {
    const { database, hosts, configuration } = evidence
    if (!database) return undefined
    const memory = configuration.databaseOnSameHost ? hosts[0]?.memoryBytes : undefined
    const table = database.tables.toSorted((a, b) => b.bytes - a.bytes)[0]
    if (!table) return undefined
    const large = table.rows >= MANY_ROWS || (memory !== undefined && table.bytes > memory / 2)
    const { writes, inserts = 0, deletes = 0 } = table
    // Rows that come and go as a whole are what partitions are for; rows that change are not.
    const appended = writes > 0 && inserts + deletes >= writes * 0.8
    if (!large || !appended || database.readFromDisk < FROM_DISK) return undefined
    const name = table.name.split('.').at(-1)!
    const on = database.queries.filter(({ query }) => query.toLowerCase().split(/\W+/).includes(name))
    const ofServer = on.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, database.seen.server)
    if (ofServer < 0.3) return undefined
    const scanned = on.some(({ scans }) => scans?.some((scan) => scan.table === name))
    return {
      structural: true,
      subject: { kind: 'table', name: table.name },
      share: (share.database + share.pool) * ofServer,
      proofs: [
        { signal: 'rows', value: table.rows, threshold: MANY_ROWS, unit: 'rows' },
        { signal: 'size', value: table.bytes, threshold: (memory ?? 0) / 2, unit: 'bytes' },
        { signal: 'of all pages came from disk', value: database.readFromDisk, threshold: FROM_DISK, unit: 'share' },
        { signal: 'of the server’s time in statements on it', value: ofServer, threshold: 0.3, unit: 'share' },
      ],
      against: [
        check('its rows are changed', `${writes - inserts - deletes} of ${writes} writes`, appended),
        check('an index is missing', scanned ? 'one of them scans it' : 'none of them scans it', !scanned),
      ],
      facts: { table: table.name, rows: table.rows, bytes: table.bytes, deletes, ofServer },
      expected: { what: 'p95', ...without(felt, Math.min(0.7, (share.database + share.pool) * ofServer)) },
    }
  },
}

const SEVERAL = 4
const OF_LOOPS = 0.4

/** Several instances are full, and it is one module that fills them while the routes of others wait. */
export const moduleCrowdsOut: Rule = {
  code: 'module-crowds-out',
  version: 1,
  class: 'architecture',
  judge({ evidence, loop, share, promised, felt }) {
    const { routes, configuration } = evidence
    if (loop < 0.85 || configuration.instances < SEVERAL) return undefined
    const all = routes.reduce((sum, { self }) => sum + self, 0)
    const names = [...new Set(routes.map(({ module }) => module))]
    const of = (module: string): number => routes.reduce((sum, one) => sum + (one.module === module ? one.self : 0), 0)
    const [name] = names.toSorted((a, b) => of(b) - of(a))
    if (name === undefined || names.length < 2) return undefined
    const ofLoops = of(name) / Math.max(1, all)
    const requests = routes.filter(({ module }) => module === name).reduce((sum, { count }) => sum + count, 0)
    const ofRequests = requests / Math.max(1, evidence.traffic.requests)
    const others = routes.filter(({ module, p95 }) => module !== name && p95 > promised)
    // Its work has another shape than that of the others: much of the time, few of the requests.
    if (ofLoops < OF_LOOPS || ofRequests > ofLoops / 2) return undefined
    return {
      subject: { kind: 'module', name },
      share: share.self + share.unseen,
      proofs: [
        { signal: 'event loops busy', value: loop, threshold: 0.85, unit: 'share' },
        { signal: 'of their time in this module', value: ofLoops, threshold: OF_LOOPS, unit: 'share' },
        { signal: 'of the requests', value: ofRequests, threshold: ofLoops / 2, unit: 'share' },
        { signal: 'instances', value: configuration.instances, threshold: SEVERAL, unit: 'count' },
      ],
      against: [
        check(
          'nobody else waits for it',
          `${others.length} routes of others are slow`,
          others.length > 0 || felt > promised,
        ),
        check('one route is what is slow', 'no single route fills the loop', true),
      ],
      facts: { module: name, ofLoops, ofRequests, instances: configuration.instances },
      expected: { what: 'p95', ...without(felt, Math.min(0.8, ofLoops)) },
    }
  },
}

import { check, percent, type Rule } from '../rule.ts'
import { without } from '../signals.ts'
import { heldIdle } from './locks.ts'

/** Requests wait for a connection, while the server has room for more. */
export const poolTooSmall: Rule = {
  code: 'pool-too-small',
  version: 2,
  class: 'settings',
  judge(signals) {
    const { evidence, share, working, cores, felt, k } = signals
    const { database, processes, configuration } = evidence
    const pools = processes.filter(({ pool }) => pool.max > 0 && pool.used >= pool.max * 0.8)
    const worst = pools.toSorted((a, b) => b.pool.waiting - a.pool.waiting)[0]
    if (!database || !worst || share.pool < 0.4) return undefined
    const room = cores === undefined ? working < 2 : working < Math.max(cores * 0.7, worst.pool.max * 0.7 + 0.1)
    const { lock, idleInTransaction } = database.active
    if (heldIdle(signals)) return undefined
    if (lock > 0.25 && lock > working) return undefined
    if (cores !== undefined && working >= cores * 0.9) return undefined
    // Connections are held while we are late, not while the server works: more of them would be held as long.
    if (k !== undefined && k < 0.2) return undefined
    const { max, used, waiting } = worst.pool
    // Little: connections in use at once = statements in a second x how long each holds one; those that wait want one, too.
    const wanted = Math.ceil((used + Math.min(waiting, used * 3)) * 1.5)
    const most = Math.floor((database.maxConnections * 0.6) / Math.max(1, configuration.instances))
    return {
      structural: true,
      subject: { kind: 'pool', name: `${max} connections` },
      share: share.pool,
      proofs: [
        {
          signal: 'of the time of requests waiting for a connection',
          value: share.pool,
          threshold: 0.4,
          unit: 'share',
        },
        { signal: 'connections in use', value: used, threshold: max * 0.8, unit: 'count' },
        { signal: 'waiting at a time', value: waiting, threshold: 1, unit: 'count' },
      ],
      against: [
        check('the server is full', `${working.toFixed(1)} sessions work on ${cores ?? '?'} cores`, room),
        check('they wait for locks', `${lock.toFixed(1)} sessions`, lock <= 0.25),
        check(
          'we are late to take what the server has answered',
          k === undefined ? 'not seen' : `it worked ${percent(k)} of that time`,
          k === undefined || k > 0.4,
        ),
        check(
          'connections are held by transactions that do nothing',
          idleInTransaction.toFixed(1),
          idleInTransaction < used * 0.5,
        ),
      ],
      facts: {
        max,
        wanted: Math.min(Math.max(wanted, max + 1), Math.max(most, max + 1)),
        used,
        waiting,
        limit: database.maxConnections,
      },
      expected: { what: 'p95', ...without(felt, Math.min(0.95, share.pool)) },
    }
  },
}

/** A new connection for each request: to log in costs more than most requests. */
export const connectPerRequest: Rule = {
  code: 'connect-per-request',
  version: 1,
  class: 'settings',
  judge({ evidence, share, felt }) {
    const { database, processes, traffic } = evidence
    const opened = Math.max(
      processes.reduce((sum, { pool }) => sum + pool.opened, 0),
      database?.opened ?? 0,
    )
    const perRequest = opened / Math.max(1, traffic.requests)
    if (perRequest < 0.5 || opened < 50) return undefined
    const ours = processes.reduce((sum, { pool }) => sum + pool.opened, 0)
    return {
      structural: true,
      subject: { kind: 'pool', name: 'connections' },
      share: Math.max(0.3, share.pool + share.database + share.self) * Math.min(1, perRequest),
      proofs: [{ signal: 'new sessions', value: perRequest, threshold: 0.5, unit: 'per request' }],
      against: [check('the pool makes room for other modules', `${ours} of ${opened} by the pool`, true)],
      facts: { perRequest, opened, byPool: ours },
      expected: { what: 'p95', ...without(felt, 0.5) },
    }
  },
}

const LEAST_POOL = 10

/** The server is nearly out of connections. */
export const tooManyConnections: Rule = {
  code: 'too-many-connections',
  version: 1,
  class: 'settings',
  judge({ evidence, working, share }) {
    const { database, configuration } = evidence
    if (!database) return undefined
    const used = database.connections / database.maxConnections
    if (used < 0.8) return undefined
    const processes = Math.max(1, evidence.processes.length)
    const fewer = database.own > database.connections / 2 ? Math.floor((database.maxConnections * 0.5) / processes) : 0
    return {
      structural: true,
      subject: { kind: 'database', name: 'connections' },
      share: Math.max(0.3, share.pool),
      proofs: [{ signal: 'connections in use', value: used, threshold: 0.8, unit: 'share' }],
      against: [
        check(
          'they are needed',
          `${working.toFixed(1)} of ${database.connections} work`,
          working < database.connections * 0.5,
        ),
        check(
          'they are others’',
          `${database.own} of ${database.connections} are ours`,
          database.own > database.connections / 2,
        ),
      ],
      facts: {
        connections: database.connections,
        max: database.maxConnections,
        working,
        instances: configuration.instances,
        poolSize: configuration.poolSize,
        pooler: configuration.pooler ? 1 : 0,
        // As long as few processes could share what there is, no pooler is needed for that.
        ...(fewer >= LEAST_POOL && fewer < configuration.poolSize && { fewer }),
      },
      expected: {
        what: 'connections',
        before: database.connections,
        low: Math.max(1, Math.ceil(working)),
        high: database.maxConnections * 0.5,
      },
    }
  },
}

const FAR_MS = 5
/** Where nobody gets the processor at once, the shortest question takes long, too. */
const FAR_WHEN_BUSY_MS = 25

/** Each statement takes much longer on its way than on the server. */
export const databaseFar: Rule = {
  code: 'database-far',
  version: 3,
  class: 'placement',
  judge(signals) {
    const { evidence, share, loop, stalled, k, foreign, felt } = signals
    const { database } = evidence
    if (!database || database.seen.calls < 100) return undefined
    const busy = loop > 0.5 || stalled > 0.02 || foreign.full
    const measured = database.roundTripMs
    const way = measured ?? (database.seen.client - database.seen.server) / database.seen.calls
    // A connection is held while its statement is on its way: who waits for one waits for that, too.
    const explained = (share.database + share.pool) * Math.min(1, (way * database.seen.calls) / database.seen.client)
    // Without the measured way, what is lost between both ends may be anything that is late.
    // The quickest of ten answers would hardly ever be as late as half of what a late loop does to one in twenty.
    const late = evidence.traffic.unseenWaitP95 / 2
    const sure =
      measured === undefined
        ? !busy && k !== undefined && k <= 0.3
        : way >= (busy ? FAR_WHEN_BUSY_MS : FAR_MS) && way > late
    if (!sure || way < FAR_MS || share.database + share.pool < 0.5 || explained < 0.3) return undefined
    return {
      structural: measured !== undefined,
      subject: { kind: 'database', name: 'network' },
      share: explained,
      proofs: [
        {
          signal: 'on the way, for each statement',
          value: way,
          threshold: busy ? FAR_WHEN_BUSY_MS : FAR_MS,
          unit: 'ms',
        },
        { signal: 'of the time of requests', value: explained, threshold: 0.3, unit: 'share' },
      ],
      against: [
        check(
          'the server works for that long',
          k === undefined ? 'not seen' : `it worked ${percent(k)} of that time`,
          k === undefined || k <= 0.5,
        ),
        check('our event loop is late', `up to ${Math.round(late)} ms`, way > late),
        check('the machine is taken by others', percent(foreign.share), measured !== undefined || !foreign.full),
      ],
      facts: { gapMs: way, calls: database.seen.calls / Math.max(1, evidence.traffic.requests) },
      expected: { what: 'p95', ...without(felt, explained) },
    }
  },
}

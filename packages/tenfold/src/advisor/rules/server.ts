import type { Evidence, QueryEvidence } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { beginsLike, sameShape, type Signals, without } from '../signals.ts'
import { needsRedis } from './architecture.ts'
import { ofCommits } from './locks.ts'

/** The server's processors are taken, by statements that do no more than they have to. */
export const databaseCpu: Rule = {
  code: 'database-cpu',
  version: 1,
  class: 'hardware',
  judge(signals) {
    const { evidence, cores, share, k, foreign, felt } = signals
    const { database } = evidence
    // What instances share need not lie there at all.
    if (!database || needsRedis.judge(signals)) return undefined
    const { cpu, lock } = database.active
    const full = cpu >= (cores ?? 4) * 0.9
    if (!full || share.database + share.pool < 0.4 || lock > cpu || foreign.full) return undefined
    const top = database.queries[0]
    const reads = database.queries.filter(({ query }) => /^(?:select|with)\b/i.test(query))
    const ofReads = reads.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, database.seen.server)
    const ofTop = top ? top.ms / Math.max(1, database.seen.server) : 0
    return {
      subject: { kind: 'database', name: 'CPU' },
      share: share.database + share.pool,
      proofs: [
        { signal: 'sessions on the processor', value: cpu, threshold: (cores ?? 4) * 0.9, unit: 'sessions' },
        {
          signal: 'of the time of requests in the database',
          value: share.database + share.pool,
          threshold: 0.4,
          unit: 'share',
        },
      ],
      against: [
        check('an index is missing', 'no statement reads much for little', true),
        check(
          'the wait is on our side',
          k === undefined ? 'not seen' : percent(k),
          k === undefined || k > 0.3 || share.pool > 0.4,
        ),
        check('others took the processor', percent(foreign.share), !foreign.full),
      ],
      facts: {
        cpu,
        cores: cores ?? 0,
        reads: ofReads,
        query: top?.query ?? '',
        ofTop,
        keep: ofTop >= 0.3 && isRepeated(top, evidence.asked) ? 1 : 0,
        replicas: evidence.configuration.replicas,
      },
      expected: {
        what: 'p95',
        ...without(felt, Math.min(0.8, (share.database + share.pool) * Math.max(0.5, ofReads))),
      },
    }
  },
}

/** Where nobody has counted, it may be. */
function isRepeated(query: QueryEvidence | undefined, asked: Evidence['asked']): boolean {
  const known = query && asked?.find((one) => sameShape(one.query, query.query))
  return known === undefined || known.again >= known.calls * 0.3
}

/** Sessions wait for the disk. */
export const diskBound: Rule = {
  code: 'disk-bound',
  version: 1,
  class: 'hardware',
  judge({ evidence, share, felt }) {
    const { database } = evidence
    if (!database) return undefined
    const { io, commit, cpu, lock } = database.active
    const waiting = io + commit
    const behindIt = ofCommits(database) > 0.3
    if (waiting < 1 || waiting < cpu || (waiting < lock && !behindIt)) return undefined
    if (share.database + share.pool < 0.4) return undefined
    return {
      subject: { kind: 'database', name: 'disk' },
      share: (share.database + share.pool) * (waiting / (waiting + cpu + (behindIt ? 0 : lock))),
      proofs: [{ signal: 'sessions that wait for the disk', value: waiting, threshold: 1, unit: 'sessions' }],
      against: [
        check('it is the processor', `${cpu.toFixed(1)} sessions on it`, waiting > cpu),
        check(
          'it all comes from memory',
          percent(1 - database.readFromDisk),
          database.readFromDisk > 0.01 || commit > io,
        ),
      ],
      facts: {
        io,
        commit,
        fromDisk: database.readFromDisk,
        commits: (database.commits ?? 0) / Math.max(1, evidence.window.seconds),
      },
      expected: { what: 'p95', ...without(felt, 0.5) },
    }
  },
}

const OF_OTHERS = 0.5
/** Where it is not known how many the server has. */
const LIKELY_CORES = 4

/** Sessions of somebody else work on the same server, as much as ours: a report, a copy, another app. */
export const databaseTaken: Rule = {
  code: 'database-taken',
  version: 2,
  class: 'placement',
  judge({ evidence, cores, share, felt }) {
    const { database, routes, jobs, window } = evidence
    const others = database?.others
    if (!database || !others || share.database + share.pool < 0.4) return undefined
    // An app whose sessions have no name of ours is no stranger to itself.
    const isOurs = [...routes, ...jobs].some((work) =>
      work.queries.some(({ query }) => beginsLike(query, others.query)),
    )
    const ours = database.seen.server / Math.max(1, window.seconds * 1000)
    const least = Math.max(OF_OTHERS, (cores ?? LIKELY_CORES) * 0.4)
    if (isOurs || others.working < least || others.working < ours) return undefined
    const full = others.working + ours >= (cores ?? LIKELY_CORES) * 0.9
    // A few of them may well have a processor each.
    if (cores === undefined && !full) return undefined
    return {
      structural: true,
      subject: { kind: 'database', name: 'others' },
      share: (share.database + share.pool) * (others.working / (others.working + ours)),
      proofs: [
        { signal: 'sessions of others that work', value: others.working, threshold: least, unit: 'sessions' },
        { signal: 'of ours', value: ours, threshold: others.working, unit: 'sessions' },
      ],
      against: [check('the server has room for both', `${(others.working + ours).toFixed(1)} sessions`, full)],
      facts: { others: others.working, ours, query: others.query, cores: cores ?? 0 },
      expected: { what: 'p95', ...without(felt, Math.min(0.9, share.database + share.pool)) },
    }
  },
}

const FULL_HOST = 0.95

/** App and database fight for the processors of one machine. */
export const databaseSharesHost: Rule = {
  code: 'database-shares-host',
  version: 1,
  class: 'placement',
  judge(signals) {
    const { evidence, foreign, felt, share } = signals
    const host = evidence.hosts[0]
    if (!evidence.configuration.databaseOnSameHost || !host || host.busy < 0.75) return undefined
    const [app, postgres] = [host.app / host.cores, host.postgres / host.cores]
    const waits = starved(signals)
    // On a machine without any room less of it is enough to be in each other's way.
    const least = host.busy >= FULL_HOST ? 0.2 : 0.3
    if (app < least || (postgres < least && waits < 0.5) || foreign.full || foreign.steal > 0.02) return undefined
    return {
      subject: { kind: 'host', name: host.name },
      share: share.database + share.self,
      proofs: [
        { signal: 'machine busy', value: host.busy, threshold: 0.75, unit: 'share' },
        { signal: 'by the app', value: app, threshold: least, unit: 'share' },
        { signal: 'by Postgres', value: postgres, threshold: least, unit: 'share' },
        { signal: 'sessions that wait for a processor', value: waits, threshold: 0.5, unit: 'sessions' },
      ],
      against: [check('others take it', percent(foreign.share), foreign.share < 0.4)],
      facts: { app: host.app, postgres: host.postgres, cores: host.cores },
      expected: { what: 'p95', ...without(felt, 0.5) },
    }
  },
}

/** Sessions that could run and do not: more of them than Postgres got processors. */
function starved({ evidence: { database, hosts } }: Signals): number {
  return database && hosts[0] ? Math.max(0, database.active.cpu - hosts[0].postgres) : 0
}

/** Somebody else takes the machine: nothing that could be changed in the app would help. */
export const hostIsBusy: Rule = {
  code: 'host-is-busy',
  version: 1,
  class: 'outside',
  judge({ foreign, share, felt }) {
    const { full, steal, throttled } = foreign
    if (!full && steal < 0.1 && throttled < 0.05) return undefined
    return {
      subject: { kind: 'host', name: 'host' },
      share: share.self + share.database + share.unseen,
      proofs: [
        { signal: 'taken by other processes', value: foreign.share, threshold: 0.4, unit: 'share' },
        { signal: 'taken by other machines', value: steal, threshold: 0.1, unit: 'share' },
        { signal: 'held back by a limit', value: throttled, threshold: 0.05, unit: 'share' },
      ],
      against: [check('the app itself is wasteful', 'nothing found in its code or settings', true)],
      facts: { others: foreign.share, steal, throttled, held: !full && steal < 0.1 ? 1 : 0 },
      expected: { what: 'p95', ...without(felt, Math.min(0.8, foreign.share)) },
    }
  },
}

/** Deleted and replaced rows that were not cleaned up are read again and again. */
export const deadRows: Rule = {
  code: 'dead-rows',
  version: 1,
  class: 'settings',
  judge({ evidence, share, felt }) {
    const { database } = evidence
    if (!database) return undefined
    const table = database.tables
      .filter(({ dead, rows }) => dead >= 10_000 && dead > rows)
      .toSorted((a, b) => b.dead - a.dead)[0]
    if (!table) return undefined
    const name = table.name.split('.').at(-1)!
    const readers = database.queries.filter(({ query }) => new RegExp(`\\b${escaped(name)}\\b`).test(query))
    const ofServer = readers.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, database.seen.server)
    if (ofServer < 0.2) return undefined
    return {
      structural: true,
      subject: { kind: 'table', name: table.name },
      share: (share.database + share.pool) * ofServer,
      proofs: [
        { signal: 'dead rows', value: table.dead, threshold: 10_000, unit: 'rows' },
        { signal: 'live rows', value: table.rows, threshold: table.dead, unit: 'rows' },
        { signal: 'of the server’s time in statements on it', value: ofServer, threshold: 0.2, unit: 'share' },
      ],
      against: [
        check(
          'an old transaction keeps them from being cleaned up',
          `longest ${Math.round(database.longestTransactionMs)} ms`,
          database.longestTransactionMs < 60_000,
        ),
      ],
      facts: { table: table.name, dead: table.dead, rows: table.rows, bytes: table.bytes },
      expected: { what: 'p95', ...without(felt, Math.min(0.8, (share.database + share.pool) * ofServer)) },
    }
  },
}

function escaped(text: string): string {
  return text.replaceAll(/[^\w]/g, '\\$&')
}

/** A replica cannot follow. */
export const replicaLags: Rule = {
  code: 'replica-lags',
  version: 1,
  class: 'architecture',
  judge({ evidence }) {
    const worst = evidence.database?.replicas.toSorted((a, b) => b.lagMs - a.lagMs)[0]
    if (!worst || worst.lagMs < 5000) return undefined
    return {
      structural: true,
      subject: { kind: 'replica', name: worst.name },
      share: 0.3,
      proofs: [{ signal: 'behind the primary', value: worst.lagMs, threshold: 5000, unit: 'ms' }],
      against: [
        check(
          'nothing was written that it could lack',
          `${worst.behindBytes ?? 'not known'} bytes`,
          worst.behindBytes !== 0,
        ),
      ],
      facts: { replica: worst.name, lagMs: worst.lagMs },
      expected: { what: 'replica lag', before: worst.lagMs, low: 0, high: 1000 },
    }
  },
}

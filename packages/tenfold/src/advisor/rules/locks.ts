import type { DatabaseEvidence } from '../../evidence/index.ts'
import { check, type Judgement, type Rule } from '../rule.ts'
import { type Signals, without } from '../signals.ts'

const WAITING = 0.25
const LONG_MS = 2000

/** Sessions wait for a row or a table that somebody else holds. */
export const lockContention: Rule = {
  code: 'lock-contention',
  version: 3,
  class: 'code',
  judge: (signals) => (isLong(signals) ? undefined : (waits(signals) ?? deadlocks(signals))),
}

/** The same, and who holds it does nothing: a transaction was left open, or does slow things while it is open. Where nobody
 *  wants the same rows, it is the connections that such transactions hold. */
export const longTransaction: Rule = {
  code: 'long-transaction',
  version: 2,
  class: 'code',
  judge: (signals) => (isLong(signals) ? waits(signals) : holdsConnections(signals)),
}

/** Most connections in use are held by transactions that ask nothing: more connections would be held as well. */
export function heldIdle({ evidence, loop, share }: Signals): boolean {
  const used = evidence.processes.reduce((sum, { pool }) => sum + pool.used, 0)
  const idle = evidence.database?.active.idleInTransaction ?? 0
  // Between two statements of a late event loop every transaction is idle, and while a statement is on a long way, too.
  return idle >= Math.max(1, used * 0.5) && loop < 0.85 && share.self + share.outgoing > share.database
}

/** By Little's law: as many calls to others were under way at a time as at least half of the transactions that asked nothing. */
export function idleForCalls({ evidence }: Signals): boolean {
  const outgoing = evidence.routes.reduce((sum, route) => sum + route.outgoing, 0)
  const atOnce = outgoing / Math.max(1, evidence.window.seconds * 1000)
  return atOnce >= (evidence.database?.active.idleInTransaction ?? 0) * 0.5
}

function holdsConnections(signals: Signals): Judgement | undefined {
  const { evidence, share, lost } = signals
  const { database, routes, processes } = evidence
  if (!database || share.pool < 0.3 || !heldIdle(signals)) return undefined
  const user = routes.filter(({ pool }) => pool > 0).toSorted((a, b) => b.self - a.self)[0]
  // What they wait for has a name, then.
  if (!user || idleForCalls(signals)) return undefined
  const idle = database.active.idleInTransaction
  const used = processes.reduce((sum, { pool }) => sum + pool.used, 0)
  return {
    structural: true,
    subject: { kind: 'route', name: user.name },
    share: Math.min(1, share.pool + user.self / lost),
    proofs: [
      { signal: 'transactions that ask nothing', value: idle, threshold: used * 0.5, unit: 'sessions' },
      { signal: 'of the time of requests waiting for a connection', value: share.pool, threshold: 0.3, unit: 'share' },
    ],
    against: [
      check('they wait for locks', `${database.active.lock.toFixed(1)} sessions`, database.active.lock < WAITING),
      check('the server is full', `${database.active.cpu.toFixed(1)} sessions on it`, database.active.cpu < idle),
    ],
    facts: { route: user.name, idle, used },
    expected: { what: 'p95', ...without(signals.felt, Math.min(0.9, share.pool)) },
  }
}

/** The holder has been at it for seconds, most of them without asking the server anything. */
function isLong({ evidence }: Signals): boolean {
  const { database } = evidence
  if (!database) return false
  return database.blockers[0]?.holderState === 'idle in transaction' && database.longestTransactionMs >= LONG_MS
}

/** Of those who wait, how many wait for somebody who waits for the disk: then the lock is not the cause. A commit of many
 *  sessions at once is written by one of them, which shows no wait: from a third on it is the disk. */
export function ofCommits({ blockers }: DatabaseEvidence): number {
  const of = (state?: string): number =>
    blockers.reduce((sum, one) => sum + (state === undefined || one.holderState === state ? one.waiting : 0), 0)
  return of('committing') / Math.max(1, of())
}

const LEAST_DEADLOCKS = 3
/** A few in an hour are normal in an app that is used much, and are tried again. */
const DEADLOCKS_PER_MINUTE = 1
/** Both stand still until the server looks for one (`deadlock_timeout`, a second unless set otherwise). */
const STOOD_MS = 2 * 1000

/** Two wait for each other until the server ends one of them, after a second (`deadlock_timeout`): neither is anybody's holder.
 *  They explain the time in which they stood still, or what the sessions that were seen waiting for locks explain. */
function deadlocks({ evidence, share, working, lost }: Signals): Judgement | undefined {
  const { database, routes, traffic, window } = evidence
  if (!database) return undefined
  const least = Math.max(LEAST_DEADLOCKS, (window.seconds / 60) * DEADLOCKS_PER_MINUTE)
  if (database.deadlocks < least) return undefined
  const { lock, cpu } = database.active
  const waiting = lock >= Math.max(WAITING, cpu) ? lock / (lock + working) : 0
  const inDatabase = share.database + share.pool
  const explained = Math.max(inDatabase * waiting, Math.min(inDatabase, (database.deadlocks * STOOD_MS) / lost))
  const user = routes.toSorted((a, b) => b.database + b.pool - (a.database + a.pool))[0]
  const [slowest] = user?.queries ?? []
  return {
    structural: true,
    subject: { kind: 'query', name: slowest?.query ?? 'transactions' },
    share: explained,
    proofs: [
      { signal: 'deadlocks', value: database.deadlocks, threshold: least, unit: 'count' },
      { signal: 'sessions that wait for a lock', value: lock, threshold: WAITING, unit: 'sessions' },
    ],
    against: [check('the server has too little processor', `${cpu.toFixed(1)} sessions on it`, cpu < 1)],
    facts: {
      deadlocks: database.deadlocks,
      ...(slowest && { waiting: slowest.query }),
      ...(user && { route: user.name }),
    },
    expected: {
      what: 'p95',
      ...without(user?.p95 ?? traffic.p95, Math.min(0.8, user ? (explained * lost) / user.ms : explained)),
      ...(user && { of: user.name }),
    },
  }
}

function waits({ evidence, share, working, lost }: Signals): Judgement | undefined {
  const { database, routes } = evidence
  const blocker = database?.blockers[0]
  if (!database || !blocker) return undefined
  const { lock, cpu } = database.active
  if (lock < WAITING || lock < cpu || ofCommits(database) > 0.3) return undefined
  const explained = (share.database + share.pool) * (lock / Math.max(0.01, lock + working))
  const user = routes.toSorted((a, b) => b.database + b.pool - (a.database + a.pool))[0]
  return {
    structural: true,
    subject: { kind: 'query', name: blocker.waitingQuery },
    share: explained,
    proofs: [
      { signal: 'sessions that wait for a lock', value: lock, threshold: WAITING, unit: 'sessions' },
      { signal: 'sessions that work', value: working, threshold: lock, unit: 'sessions' },
      { signal: 'longest transaction', value: database.longestTransactionMs, threshold: LONG_MS, unit: 'ms' },
    ],
    against: [
      check('the server has too little processor', `${cpu.toFixed(1)} sessions on it`, lock > cpu),
      check(
        'nobody in particular holds it',
        blocker.holderQuery.slice(0, 80) || 'not seen',
        blocker.holderQuery !== '',
      ),
    ],
    facts: {
      waiting: blocker.waitingQuery,
      holder: blocker.holderQuery,
      state: blocker.holderState,
      longestMs: database.longestTransactionMs,
      ...(user && { route: user.name }),
    },
    expected: {
      what: 'p95',
      ...(user && { of: user.name }),
      ...without(user?.p95 ?? evidence.traffic.p95, Math.min(0.9, user ? (explained * lost) / user.ms : explained)),
    },
  }
}

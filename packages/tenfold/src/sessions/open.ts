import { messageOf, toMs } from '../kernel/index.ts'
import type { Clock, Duration } from '../kernel/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { SessionCache } from './cached.ts'
import { hashOf, PostgresSessions } from './postgres/sessions.ts'
import type { Session, SessionChange, Sessions } from './sessions.ts'

export interface SessionsOptions {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  /** A session ends when it was not seen for this long. Defaults to 14 d. */
  idle?: Duration
  /** A session ends this long after the sign-in, however busy it is. Defaults to 90 d. */
  absolute?: Duration
  /** How long an instance may answer from memory. Defaults to 0: never. A revocation on another instance takes effect at
   *  most this much later, unless `forget` is called before. */
  cacheFor?: Duration
  /** Bytes of JSON. Defaults to 4096. */
  maxDataBytes?: number
  /** How often expired sessions are removed. Defaults to 10 m. */
  pruneEvery?: Duration
}

const TOUCH_EVERY_MS = 60_000
const PRUNE_BATCH = 1000

/** Opens the sessions of one app instance.
 *  @example
 *  const sessions = openSessions({ db: database.system, telemetry, clock: systemClock })
 *  const { id } = await sessions.create({ userId: user.id, userAgent, ip })     // id goes into the cookie
 *  const session = await sessions.read(id)                                      // { userId, data, … }
 *  await sessions.revokeAll(user.id, { except: id })                            // sign out everywhere else */
export function openSessions(options: SessionsOptions): Sessions {
  const { db, telemetry, clock, maxDataBytes = 4096 } = options
  const idle = toMs(options.idle ?? '14d')
  const absolute = toMs(options.absolute ?? '90d')
  const store = new PostgresSessions({ db, clock, idle, absolute, touchEvery: TOUCH_EVERY_MS, maxDataBytes })
  const cache = new SessionCache(clock, toMs(options.cacheFor ?? 0))
  const listeners = new Set<(change: SessionChange) => void>()
  const changes = { count: 0 }
  const stopPruning = keepPruning(store, telemetry, toMs(options.pruneEvery ?? '10m'))

  const forget = (change: SessionChange): void => {
    changes.count++
    cache.forget(change)
  }
  const changed = (change: SessionChange): void => {
    forget(change)
    for (const listener of listeners) listener(change)
  }
  const ended = (hash: Buffer | undefined): void => {
    if (hash) changed({ hash: hash.toString('base64url') })
  }

  return {
    create: (session) => store.create(session),
    async read(id): Promise<Session | undefined> {
      const hash = hashOf(id)
      if (!hash) return undefined
      const key = hash.toString('base64url')
      const known = cache.get(key)
      if (known) return known
      const before = changes.count
      const readAt = clock.elapsed()
      const session = await store.read(hash)
      // What changed while the answer was on its way may be missing in it.
      if (session && before === changes.count) cache.put(key, session, readAt)
      return session
    },
    async write(id, data) {
      const hash = hashOf(id)
      const written = hash !== undefined && (await store.write(hash, data))
      if (written) ended(hash)
      return written
    },
    async rotate(id, wanted = {}) {
      const hash = hashOf(id)
      const created = hash && (await store.rotate(hash, wanted))
      ended(hash)
      return created
    },
    async revoke(id) {
      const hash = hashOf(id)
      const revoked = hash !== undefined && (await store.revoke(hash))
      ended(hash)
      return revoked
    },
    async revokeAll(userId, { except } = {}) {
      const count = await store.revokeAll(userId, except === undefined ? undefined : hashOf(except))
      changed({ userId })
      return count
    },
    list: (userId) => store.list(userId),
    async revokeListed(userId, ref) {
      const hash = await store.revokeListed(userId, ref)
      ended(hash)
      return hash !== undefined
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    forget,
    close: stopPruning,
  }
}

function keepPruning(store: PostgresSessions, { log }: Telemetry, every: number): () => Promise<void> {
  const state = { closed: false, pruning: Promise.resolve() }
  const prune = async (): Promise<void> => {
    while ((await store.prune(PRUNE_BATCH)) === PRUNE_BATCH && !state.closed);
  }
  // Spread, so that instances started together do not prune together.
  const timer = setInterval(
    () => {
      state.pruning = prune().catch((error: unknown) =>
        log.warn('Sessions were not pruned.', { error: messageOf(error) }),
      )
    },
    every * (0.5 + Math.random()),
  )
  timer.unref()
  return async () => {
    state.closed = true
    clearInterval(timer)
    await state.pruning
  }
}

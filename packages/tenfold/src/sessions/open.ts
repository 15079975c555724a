import { messageOf, systemClock, toMs } from '../kernel/index.ts'
import type { Clock, Duration } from '../kernel/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import { createCircuit, type Redis } from '../redis/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { SessionCache } from './cached.ts'
import { SessionDigests } from './digests.ts'
import { openSessionLine } from './line.ts'
import { PostgresSessions } from './postgres/sessions.ts'
import { RedisCopies } from './redis/copies.ts'
import type { Session, SessionChange, Sessions } from './sessions.ts'

export interface SessionsOptions {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  /** A session ends when it was not seen for this long. Defaults to 14 d. */
  idle?: Duration
  /** A session ends this long after the sign-in, however busy it is. Defaults to 90 d. */
  absolute?: Duration
  /** How long an instance may answer from memory. Defaults to 0: never. A revocation on another instance takes effect in
   *  milliseconds, and at most this much later where telling fails. */
  cacheFor?: Duration
  /** Keeps copies there, under names that start with `prefix`. */
  redis?: { redis: Redis; prefix: string }
  /** How long a copy lives in Redis. Defaults to 30 s. */
  copyFor?: Duration
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
  const digests = new SessionDigests()
  const cacheFor = toMs(options.cacheFor ?? 0)
  const cache = new SessionCache(clock, cacheFor)
  const copies = openCopies(options)
  const changes = { count: 0 }
  const stopPruning = keepPruning(store, telemetry, toMs(options.pruneEvery ?? '10m'))

  const forget = (change: SessionChange): void => {
    changes.count++
    cache.forget(change)
  }
  const line =
    cacheFor > 0 || copies
      ? openSessionLine(db, telemetry.log, {
          onChange(change) {
            forget(change)
            copies?.doubt(change)
          },
          onGap() {
            changes.count++
            cache.clear()
            copies?.doubtAll()
          },
        })
      : undefined
  /** What this instance has changed is forgotten everywhere before its caller goes on. */
  const changed = async (change: SessionChange, hashes: readonly Buffer[]): Promise<void> => {
    forget(change)
    const told = line?.tell(change)
    await copies?.bury(hashes.map(textOf))
    await told
  }
  const ended = async (hash: Buffer | undefined): Promise<void> => {
    if (hash) await changed({ hash: textOf(hash) }, [hash])
  }
  const lookUp = async (hash: Buffer): Promise<Session | undefined> => {
    const copy = await copies?.get(textOf(hash))
    if (copy && clock.now() - copy.lastSeenAt < TOUCH_EVERY_MS) return copy
    const session = await store.read(hash)
    if (session) void copies?.put(textOf(hash), session)
    return session
  }

  return {
    create: (session) => store.create(session),
    async read(id): Promise<Session | undefined> {
      const digest = digests.of(id)
      if (!digest) return undefined
      const { hash, key } = digest
      const known = cache.get(key)
      if (known) return known
      const before = changes.count
      const readAt = clock.elapsed()
      const session = await lookUp(hash)
      // What changed while the answer was on its way may be missing in it.
      if (session && line?.open && before === changes.count) cache.put(key, session, readAt)
      return session
    },
    async write(id, data) {
      const hash = digests.of(id)?.hash
      const written = hash !== undefined && (await store.write(hash, data))
      if (written) await ended(hash)
      return written
    },
    async rotate(id, wanted = {}) {
      const hash = digests.of(id)?.hash
      const created = hash && (await store.rotate(hash, wanted))
      await ended(hash)
      return created
    },
    async revoke(id) {
      const hash = digests.of(id)?.hash
      const revoked = hash !== undefined && (await store.revoke(hash))
      await ended(hash)
      return revoked
    },
    async revokeAll(userId, { except, exceptRef } = {}) {
      const kept = except === undefined ? undefined : digests.of(except)?.hash
      const hashes = await store.revokeAll(userId, kept, exceptRef)
      await changed({ userId }, hashes)
      return hashes.length
    },
    list: (userId) => store.list(userId),
    async revokeListed(userId, ref) {
      const hash = await store.revokeListed(userId, ref)
      await ended(hash)
      return hash !== undefined
    },
    async close() {
      await stopPruning()
      await line?.close()
      await copies?.close()
    },
  }
}

function openCopies({ redis, telemetry, clock, copyFor }: SessionsOptions): RedisCopies | undefined {
  if (!redis) return undefined
  const circuit = createCircuit({ redis: redis.redis, clock: systemClock, log: telemetry.log, what: 'sessions' })
  return new RedisCopies({ circuit, prefix: redis.prefix, copyFor: toMs(copyFor ?? '30s'), clock })
}

function textOf(hash: Buffer): string {
  return hash.toString('base64url')
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

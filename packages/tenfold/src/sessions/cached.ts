import type { Clock } from '../kernel/index.ts'
import type { Session, SessionChange } from './sessions.ts'

/** What was read lately, for at most `ttl`: an instance that was not told of a revocation is late by that much (N4). */
export class SessionCache {
  readonly #clock: Clock
  readonly #ttl: number
  readonly #kept = new Map<string, { session: Session; until: number }>()

  constructor(clock: Clock, ttl: number) {
    this.#clock = clock
    this.#ttl = ttl
  }

  get(hash: string): Session | undefined {
    const entry = this.#kept.get(hash)
    if (entry === undefined) return undefined
    if (entry.until > this.#clock.elapsed() && entry.session.expiresAt > this.#clock.now()) return entry.session
    this.#kept.delete(hash)
    return undefined
  }

  /** @param readAt when the read began: what it saw may be that old */
  put(hash: string, session: Session, readAt: number): void {
    if (this.#ttl === 0) return
    if (this.#kept.size >= MAX_ENTRIES) this.#kept.clear()
    this.#kept.set(hash, { session, until: readAt + this.#ttl })
  }

  clear(): void {
    this.#kept.clear()
  }

  forget(change: SessionChange): void {
    if ('hash' in change) this.#kept.delete(change.hash)
    else for (const [hash, { session }] of this.#kept) if (session.userId === change.userId) this.#kept.delete(hash)
  }
}

/** About 50 MB at most with the default size of data; all live for seconds only, so starting anew costs little. */
const MAX_ENTRIES = 10_000

import { systemClock, type Clock } from '../../kernel/index.ts'
import { scriptOf, type Circuit } from '../../redis/index.ts'
import { freeze } from '../frozen.ts'
import type { Session, SessionChange } from '../sessions.ts'

/** Copies of sessions in Redis, so that most reads need no database. Postgres keeps the sessions; a copy is only ever a
 *  shorter way to the same answer:
 *
 *    missing --[read from Postgres]--> copy --[`copyFor`]--> missing
 *    any     --[session changed or ended, in Postgres]--> buried --[`copyFor`]--> missing
 *
 *  A buried one takes no copy: a read that had begun before the change cannot put the old state back. Where Redis could not
 *  be told of a change, every instance is told over the line and asks Postgres about that session for as long as a copy can
 *  live; and an instance that may have missed such a message (it has just started, or its line broke) asks about all. */
const PUT = scriptOf(`
if redis.call('GET', KEYS[1]) == 'x' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

export interface RedisCopiesOptions {
  circuit: Circuit
  prefix: string
  /** How long a copy lives, in ms. */
  copyFor: number
  clock: Clock
}

export class RedisCopies {
  readonly #options: RedisCopiesOptions
  /** Until when, in real time, copies of these are not believed. */
  readonly #doubted = new Map<string, number>()
  #allDoubtedUntil: number

  constructor(options: RedisCopiesOptions) {
    this.#options = options
    this.#allDoubtedUntil = systemClock.elapsed() + options.copyFor
  }

  /** Undefined for what Postgres has to be asked about. */
  async get(hash: string): Promise<Session | undefined> {
    if (this.#allDoubtedUntil > systemClock.elapsed() || this.#isDoubted(hash)) return undefined
    try {
      const text = await this.#options.circuit.run((redis) => redis.command<string | null>('get', this.#nameOf(hash)))
      if (text === null || text === 'x') return undefined
      const session = freeze(JSON.parse(text) as Session)
      const doubted = session.userId !== undefined && this.#isDoubted(`user ${session.userId}`)
      return session.expiresAt > this.#options.clock.now() && !doubted ? session : undefined
    } catch {
      return undefined
    }
  }

  async put(hash: string, session: Session): Promise<void> {
    const { circuit, copyFor } = this.#options
    const values = [JSON.stringify(session), copyFor]
    await circuit.run((redis) => redis.run(PUT, [this.#nameOf(hash)], values)).catch(() => {})
  }

  /** The sessions have changed or ended. */
  async bury(hashes: readonly string[]): Promise<void> {
    const { circuit, copyFor } = this.#options
    // Until Redis knows, and in case that it cannot be told.
    for (const hash of hashes) this.doubt({ hash })
    const commands = hashes.map((hash) => ['set', this.#nameOf(hash), 'x', 'px', copyFor] as const)
    await circuit.run((redis) => redis.batch(commands)).catch(() => {})
  }

  doubt(change: SessionChange): void {
    const now = systemClock.elapsed()
    for (const [name, until] of this.#doubted) {
      if (until > now) break
      this.#doubted.delete(name)
    }
    const name = 'hash' in change ? change.hash : `user ${change.userId}`
    // Set anew at the end: the map stays in the order of time.
    this.#doubted.delete(name)
    this.#doubted.set(name, now + this.#options.copyFor)
  }

  doubtAll(): void {
    this.#allDoubtedUntil = systemClock.elapsed() + this.#options.copyFor
  }

  close(): Promise<void> {
    return this.#options.circuit.close()
  }

  #isDoubted(name: string): boolean {
    return (this.#doubted.get(name) ?? 0) > systemClock.elapsed()
  }

  #nameOf(hash: string): string {
    return `${this.#options.prefix}:session:${hash}`
  }
}

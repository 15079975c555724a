import type { ReadAt } from '../../database/index.ts'
import { messageOf, randomHex, systemClock } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Change } from '../change.ts'
import { decode, encode, type Payload } from './payload.ts'
import { LEASE_MS, MAX_KEEP_MS, type Lead, type Taken, type Tier } from './tier.ts'

/** The shared values as one instance uses them: whatever happens to the tier, the answer is at worst "load it yourself".
 *
 *    in step --[a drop failed | another instance says that one of its drops did]--> behind
 *    behind  --[all of them carried out]--> in step, and told once more to everybody
 *
 *  While it is behind, this instance reads and writes no shared values: they may be out of date. Every instance that hears
 *  of a drop that failed makes it its own, so that it is carried out even if the first one is gone by then. */
export class SharedValues {
  readonly #tier: Tier
  readonly #clock: Clock
  readonly #log: Logger
  readonly #behind = new Map<string, Change>()
  readonly #closing = new AbortController()
  readonly #me = randomHex(8)
  #asked = 0
  /** Counts what was dropped here. */
  #drops = 0
  #tell: (change: Change) => void = () => {}
  #catchingUp: Promise<void> | undefined

  constructor({ tier, clock, log }: { tier: Tier; clock: Clock; log: Logger }) {
    this.#tier = tier
    this.#clock = clock
    this.#log = log
    tier.onReturn(() => this.#catchUp())
  }

  /** @param tell tells the other instances of a change that is carried out late */
  start(tell: (change: Change) => void): void {
    this.#tell = tell
  }

  /** The value, or the outcome of `load`: run here if it is this instance's turn, or if nobody can say whose turn it is. */
  async get<Value>(wanted: Wanted<Value>): Promise<Got<Value>> {
    const { cache, key, clockOffset, lacks, load, giveUpAfterMs } = wanted
    const token = this.#token()
    const startedAt = this.#clock.elapsed()
    let afterStamp = 0
    for (let pause = POLL_MIN_MS; ; pause = Math.min(pause * 2, POLL_MAX_MS)) {
      const now = this.#clock.now()
      const freshAfter = now + wanted.freshForMs
      const taken = await this.#take({ cache, key, token, now, freshAfter, orStale: wanted.orStale, afterStamp })
      if (taken?.kind === 'value') {
        const found = await decode(taken.body)
        if (found && found.version === wanted.version && !(found.readAt && lacks(found.readAt))) {
          return {
            readAt: found.readAt,
            loadMs: found.loadMs,
            value: found.value as Value,
            freshUntil: taken.freshUntil - clockOffset,
            goneAt: taken.goneAt - clockOffset,
            shared: true,
          }
        }
        afterStamp = taken.stamp
        pause = 0
      } else if (taken?.kind === 'lead') {
        return this.#lead(wanted, { cache, key, token }, taken)
      } else if (taken?.kind !== 'wait' || this.#clock.elapsed() - startedAt > giveUpAfterMs) {
        return load(false)
      }
      await systemClock.sleep(pause, this.#closing.signal)
      if (this.#closing.signal.aborted) return load(false)
    }
  }

  /** Puts a value where `drop` has just made room: unless something is dropped before it is there, or another instance
   *  was faster and loads. */
  async set(cache: string, key: string, value: unknown, kept: Kept): Promise<void> {
    const lead = { cache, key, token: this.#token() }
    const now = this.#clock.now()
    const before = this.#drops
    const taken = await this.#take({
      ...lead,
      now,
      freshAfter: now,
      orStale: false,
      afterStamp: Number.MAX_SAFE_INTEGER,
    })
    if (taken?.kind === 'lead' && before !== this.#drops) await this.#release(lead, false)
    else if (taken?.kind === 'lead') await this.#store(lead, taken.stamp, { value, readAt: undefined, loadMs: 0 }, kept)
  }

  /** Whether no instance gets the old values from here any more. */
  async drop(change: Change): Promise<boolean> {
    this.#drops++
    if (this.#behind.size > 0) return this.#fallBehind(change)
    try {
      await this.#tier.drop(change)
      return true
    } catch {
      return this.#fallBehind(change)
    }
  }

  /** Another instance could not drop it. */
  heardOfFailed(change: Change): void {
    this.#fallBehind(change)
  }

  /** Messages of other instances may have been lost: if the tier is away too, they may have been about failed drops. */
  onGap(): void {
    if (this.#behind.size > 0) this.#fallBehind({ cache: '*' })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#catchingUp
    await this.#tier.close()
  }

  #token(): string {
    return `${this.#me}.${++this.#asked}`
  }

  async #take(ask: Parameters<Tier['take']>[0]): Promise<Taken | undefined> {
    if (this.#behind.size > 0) return undefined
    try {
      return await this.#tier.take(ask)
    } catch {
      return undefined
    }
  }

  /** Loads for all who wait, and stays the one who does for as long as it takes. */
  async #lead<Value>(wanted: Wanted<Value>, lead: Lead, { stamp }: Taken & { kind: 'lead' }): Promise<Got<Value>> {
    const heart = setInterval(() => void this.#tier.renew(lead).catch(() => {}), LEASE_MS / 3)
    try {
      const got = await wanted.load(true)
      const kept = wanted.kept(got)
      const { value, readAt, loadMs } = got
      if (kept) void this.#store(lead, stamp, { value, readAt, loadMs }, kept)
      else void this.#release(lead, true)
      return got
    } catch (error) {
      void this.#release(lead, true)
      throw error
    } finally {
      clearInterval(heart)
    }
  }

  async #store(lead: Lead, stamp: number, payload: Omit<Payload, 'version'>, kept: Kept): Promise<void> {
    try {
      const body = this.#behind.size > 0 ? undefined : await encode({ ...payload, version: kept.version })
      const keepMs = Math.min(MAX_KEEP_MS, kept.freshForMs + kept.staleForMs)
      const now = this.#clock.now()
      const freshUntil = now + Math.min(keepMs, kept.freshForMs)
      if (body) {
        await this.#tier.put({ ...lead, stamp, tags: kept.tags, body, freshUntil, goneAt: now + keepMs, keepMs })
        return
      }
    } catch (error) {
      if (error instanceof TypeError) kept.onOdd(messageOf(error))
    }
    await this.#release(lead, true)
  }

  /** One that is not heard of any more ends by itself. */
  async #release(lead: Lead, failed: boolean): Promise<void> {
    await this.#tier.release(lead, failed).catch(() => {})
  }

  #fallBehind(change: Change): false {
    const id = JSON.stringify([change.cache, change.key, change.tag])
    if (this.#behind.size >= MAX_BEHIND && !this.#behind.has(id)) {
      this.#behind.clear()
      this.#behind.set('*', { cache: '*' })
    } else {
      this.#behind.set(id, change)
    }
    this.#catchUp()
    return false
  }

  #catchUp(): void {
    this.#catchingUp ??= this.#carryOut().finally(() => {
      this.#catchingUp = undefined
      if (this.#behind.size > 0 && !this.#closing.signal.aborted) this.#catchUp()
    })
  }

  async #carryOut(): Promise<void> {
    for (let pause = 50; this.#behind.size > 0; pause = Math.min(pause * 2, 1000)) {
      try {
        for (const [id, change] of this.#behind) {
          await this.#tier.drop(change)
          // Others may have read the old value from here since they were told first.
          this.#tell(change)
          this.#behind.delete(id)
        }
        return
      } catch (error) {
        this.#log.debug('Shared values are not used: some are out of date.', { reason: messageOf(error) })
        await systemClock.sleep(pause, this.#closing.signal)
        if (this.#closing.signal.aborted) return
      }
    }
  }
}

export interface Wanted<Value> {
  cache: string
  key: string
  /** For how long it has to be fresh still: 0 for any that is. */
  freshForMs: number
  orStale: boolean
  /** Only a value of this form. */
  version: string
  /** What `now` of the clock is more than `elapsed` of it. */
  clockOffset: number
  /** How long to wait for another instance before loading here, too. */
  giveUpAfterMs: number
  lacks(readAt: ReadAt): boolean
  /** @param forAll whether the other instances will get what it finds */
  load(forAll: boolean): Promise<Got<Value>>
  /** How long what was loaded may be kept; undefined for not at all. */
  kept(got: Got<Value>): Kept | undefined
}

export interface Got<Value> extends Omit<Payload, 'version'> {
  value: Value
  /** In the time of `elapsed`. */
  freshUntil: number
  goneAt: number
  /** Whether another instance has loaded it. */
  shared: boolean
}

export interface Kept {
  freshForMs: number
  staleForMs: number
  tags: readonly string[]
  version: string
  /** The value cannot be shared, for this reason. */
  onOdd(reason: string): void
}

/** In real time, as other instances load in it. */
const POLL_MIN_MS = 4
const POLL_MAX_MS = 64
const MAX_BEHIND = 10_000

import type { Clock } from '../kernel/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** Keeps a store that is away from delaying anybody.
 *
 *    closed --[`after` failures in a row]--> open --[a probe is answered]--> closed
 *
 *  While it is open no request goes to the store. Probes run beside the requests, never inside of one: after 0.1 s,
 *  then at growing pauses of up to 10 s. */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #closing = new AbortController()
  #failures = 0
  #probing: Promise<void> | undefined

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get open(): boolean {
    return this.#probing !== undefined
  }

  answered(): void {
    this.#failures = 0
  }

  failed(reason: string): void {
    if (this.open || ++this.#failures < this.#options.after) return
    this.#options.log.warn('The store of the rate limits is away; deciding without it.', { reason })
    this.#probing = this.#probeUntilAnswered()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#probing
  }

  async #probeUntilAnswered(): Promise<void> {
    const { clock, probe, log } = this.#options
    for (let pause = 100; ; pause = Math.min(pause * 2, 10_000)) {
      await clock.sleep(pause, this.#closing.signal)
      if (this.#closing.signal.aborted) return
      if (await probe()) break
    }
    log.info('The store of the rate limits is back.')
    this.#failures = 0
    this.#probing = undefined
  }
}

export interface BreakerOptions {
  clock: Clock
  log: Logger
  /** Failures in a row that open it. */
  after: number
  /** Whether the store answers in time. Never rejects. */
  probe(): Promise<boolean>
}

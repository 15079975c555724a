/** Whether a host is asked at all.
 *
 *    closed --[most of the last ten seconds failed]--> open --[pause over]--> half-open --[one call went well]--> closed
 *                                                       ^______[it failed: the pause doubles]______|
 *
 *  As described by Nygard, Release It!, and https://martinfowler.com/bliki/CircuitBreaker.html. */
import type { Clock } from '../kernel/index.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

export interface CircuitOptions {
  share: number
  least: number
  pauseMs: number
}

const SLOTS = 10
const SLOT_MS = 1000
const MOST_PAUSE_MS = 60_000

export class Circuit {
  #open = false
  /** On the clock's monotonic time. */
  #until = 0
  #pauseMs: number
  #probing = false
  #good: number[] = Array(SLOTS).fill(0)
  #bad: number[] = Array(SLOTS).fill(0)
  #slot = 0
  readonly #options: CircuitOptions
  readonly #clock: Clock
  readonly #onChange: (to: CircuitState) => void

  constructor(options: CircuitOptions, clock: Clock, onChange: (to: CircuitState) => void) {
    this.#options = options
    this.#clock = clock
    this.#onChange = onChange
    this.#pauseMs = options.pauseMs
  }

  get state(): CircuitState {
    if (!this.#open) return 'closed'
    return this.#clock.elapsed() < this.#until ? 'open' : 'half-open'
  }

  /** Milliseconds for which nothing may be sent; 0: this call may go, and its outcome has to be told. */
  enter(): number {
    if (!this.#open) return 0
    const left = this.#until - this.#clock.elapsed()
    if (left > 0) return Math.ceil(left)
    // One call tries it; the others go on waiting for what it finds.
    if (this.#probing) return Math.max(100, Math.ceil(this.#pauseMs / 10))
    this.#probing = true
    this.#onChange('half-open')
    return 0
  }

  /** `neutral`: its end says nothing about the host, such as a caller that went away. */
  tell(outcome: 'good' | 'bad' | 'neutral'): void {
    if (this.#open) return this.#probed(outcome)
    if (outcome === 'neutral') return
    this.#turn()
    const counts = outcome === 'good' ? this.#good : this.#bad
    counts[this.#slot % SLOTS]!++
    const bad = sum(this.#bad)
    const all = bad + sum(this.#good)
    if (all >= this.#options.least && bad >= all * this.#options.share) this.#openFor(this.#options.pauseMs)
  }

  #probed(outcome: 'good' | 'bad' | 'neutral'): void {
    if (!this.#probing) return // it was sent before the circuit opened
    this.#probing = false
    if (outcome === 'bad') this.#openFor(Math.min(MOST_PAUSE_MS, this.#pauseMs * 2))
    if (outcome !== 'good') return
    this.#open = false
    this.#good.fill(0)
    this.#bad.fill(0)
    this.#onChange('closed')
  }

  #openFor(ms: number): void {
    this.#open = true
    this.#pauseMs = ms
    // Many processes opened at the same moment must not all come back at the same moment.
    this.#until = this.#clock.elapsed() + ms * (0.8 + Math.random() * 0.4)
    this.#onChange('open')
  }

  /** Empties the slots of seconds in which nothing happened. */
  #turn(): void {
    const now = Math.floor(this.#clock.elapsed() / SLOT_MS)
    for (let slot = Math.max(this.#slot + 1, now - SLOTS + 1); slot <= now; slot++) {
      this.#good[slot % SLOTS] = 0
      this.#bad[slot % SLOTS] = 0
    }
    this.#slot = now
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

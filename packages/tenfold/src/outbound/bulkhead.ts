/** At most so many calls to one host at once; a few wait, in their order. */
export class Bulkhead {
  running = 0
  readonly #queue: (() => void)[] = []
  readonly #atOnce: number
  readonly #most: number

  constructor(atOnce: number, most: number) {
    this.#atOnce = atOnce
    this.#most = most
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Undefined when it is full. Otherwise a place, to be left by calling what it gives. Rejects with the signal's reason. */
  enter(signal: AbortSignal): (() => void) | Promise<() => void> | undefined {
    if (this.running < this.#atOnce) return this.#take()
    if (this.#queue.length >= this.#most) return undefined
    return new Promise((resolve, reject) => {
      const come = (): void => {
        signal.removeEventListener('abort', give)
        resolve(this.#take())
      }
      const give = (): void => {
        this.#queue.splice(this.#queue.indexOf(come), 1)
        reject(signal.reason as Error)
      }
      this.#queue.push(come)
      signal.addEventListener('abort', give, { once: true })
    })
  }

  #take(): () => void {
    this.running++
    let left = false
    return () => {
      if (left) return
      left = true
      this.running--
      this.#queue.shift()?.()
    }
  }
}

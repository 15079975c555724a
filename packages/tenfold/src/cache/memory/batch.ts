type LoadMany<Key, Value> = (keys: readonly Key[], signal: AbortSignal) => Promise<readonly Value[]> | readonly Value[]

/** Loads that are asked for in one turn of the event loop, as one. They all belong to one caller and run in its context. */
export class Batch<Key, Value> {
  readonly #loadMany: LoadMany<Key, Value>
  #waiting: { key: Key; answer: PromiseWithResolvers<Value> }[] = []

  constructor(loadMany: LoadMany<Key, Value>) {
    this.#loadMany = loadMany
  }

  load(key: Key, signal: AbortSignal): Promise<Value> {
    const answer = Promise.withResolvers<Value>()
    if (this.#waiting.push({ key, answer }) === 1) setImmediate(() => void this.#run(signal))
    return answer.promise
  }

  async #run(signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const keys = waiting.map(({ key }) => key)
      const values = await this.#loadMany(keys, signal)
      waiting.forEach(({ answer }, i) => answer.resolve(values[i] as Value))
    } catch (error) {
      for (const { answer } of waiting) answer.reject(error)
    }
  }
}

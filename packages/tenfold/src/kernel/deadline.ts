/** Gives up waiting after a fixed time. All promises of one deadline wait equally long, so one timer for the first of them does
 *  for all: a timer and a signal for each would cost more than what is waited for.
 *  @example
 *  const inTime = createDeadline(100, () => new Error('no answer within 100 ms'))
 *  await inTime.within(redis.get('key')) */
export interface Deadline {
  within<Answer>(answer: Promise<Answer>): Promise<Answer>
  /** Whoever still waits, waits on. */
  close(): void
}

export function createDeadline(ms: number, error: () => Error): Deadline {
  const waiting: { until: number; answered: boolean; giveUp: () => void }[] = []
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const arm = (): void => {
    let gone = 0
    while (waiting[gone]?.answered) gone++
    if (gone > 0) waiting.splice(0, gone)
    const first = waiting[0]
    timer = first && !closed ? setTimeout(onTime, Math.max(1, first.until - performance.now())) : undefined
  }
  // An answer that is here already but was not read, because this process was busy, is no reason to give up: what the sockets
  // have is read before the next immediate.
  const onTime = (): void =>
    void setImmediate(() => {
      const now = performance.now()
      for (const one of waiting) {
        if (one.until > now) break
        if (!one.answered) one.giveUp()
        one.answered = true
      }
      arm()
    })

  return {
    within: (answer) =>
      new Promise((resolve, reject) => {
        const one = { until: performance.now() + ms, answered: false, giveUp: () => reject(error()) }
        waiting.push(one)
        if (!timer) arm()
        answer.then(
          (value) => {
            one.answered = true
            resolve(value)
          },
          (failure: Error) => {
            one.answered = true
            reject(failure)
          },
        )
      }),
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

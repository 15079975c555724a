/** Gives up waiting after a time. One timer for the first of all promises does for all: a timer and a signal for each would cost
 *  more than what is waited for.
 *  @param ms how long. As a range it follows how long answers take, as the retransmission timer of TCP does (RFC 6298): a server
 *  that answers within one millisecond is given up after `least` when it falls silent, and a slow one is waited for up to `most`.
 *  @example
 *  const inTime = createDeadline(100, () => new Error('no answer within 100 ms'))
 *  await inTime.within(redis.get('key')) */
export interface Deadline {
  within<Answer>(answer: Promise<Answer>): Promise<Answer>
  /** Whoever still waits, waits on. */
  close(): void
}

/** In ms. For a server nearby that whoever asks can do without: if it stands still, nobody waits for longer than they would notice. */
export const NEARBY = { least: 20, most: 100 }

export function createDeadline(ms: number | { least: number; most: number }, error: (ms: number) => Error): Deadline {
  const patience = typeof ms === 'number' ? { ms, answered() {} } : createPatience(ms.least, ms.most)
  const waiting: { until: number; answered: boolean; giveUp: () => void }[] = []
  let timer: NodeJS.Timeout | undefined
  let armedFor = Infinity
  let closed = false

  const arm = (): void => {
    let gone = 0
    while (waiting[gone]?.answered) gone++
    if (gone > 0) waiting.splice(0, gone)
    clearTimeout(timer)
    armedFor = Infinity
    for (const { until, answered } of waiting) if (!answered && until < armedFor) armedFor = until
    timer = armedFor < Infinity && !closed ? setTimeout(onTime, Math.max(1, armedFor - performance.now())) : undefined
  }
  // An answer that is here already but was not read, because this process was busy, is no reason to give up: what the sockets
  // have is read before the next immediate.
  const onTime = (): void =>
    void setImmediate(() => {
      const now = performance.now()
      for (const one of waiting) {
        if (one.until > now || one.answered) continue
        one.giveUp()
        one.answered = true
      }
      arm()
    })

  return {
    within: (answer) =>
      new Promise((resolve, reject) => {
        const sentAt = performance.now()
        const given = patience.ms
        const one = { until: sentAt + given, answered: false, giveUp: () => reject(error(given)) }
        waiting.push(one)
        if (!timer || one.until < armedFor) arm()
        // One that comes too late still says how long to wait for the next.
        const answered = (): void => {
          one.answered = true
          patience.answered(performance.now() - sentAt)
        }
        answer.then(
          (value) => {
            answered()
            resolve(value)
          },
          (failure: Error) => {
            answered()
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

function createPatience(least: number, most: number) {
  let usual = -1
  let spread = 0
  return {
    ms: most,
    answered(took: number): void {
      const ms = Math.min(most, took)
      spread = usual < 0 ? ms / 2 : spread + (Math.abs(ms - usual) - spread) / 4
      usual = usual < 0 ? ms : usual + (ms - usual) / 8
      this.ms = Math.max(least, Math.min(most, usual + 4 * spread))
    },
  }
}

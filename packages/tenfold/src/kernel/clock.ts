/** Time as an argument, so that tests can hold it still. */
export interface Clock {
  /** Wall time in milliseconds since 1970. */
  now(): number
  /** Monotonic time in milliseconds, for measuring durations only. */
  elapsed(): number
  /** Resolves after `ms`, or at once (without an error) when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/** A clock that only moves when told to.
 *  @example
 *  const clock = fakeClock(0)
 *  const woken = clock.sleep(1000)
 *  await clock.advance(1000)
 *  await woken */
export function fakeClock(start = 0): Clock & { advance(ms: number): Promise<void> } {
  let now = start
  let sleepers: { at: number; wake: () => void }[] = []
  return {
    now: () => now,
    elapsed: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        sleepers.push({ at: now + ms, wake: resolve })
        signal?.addEventListener('abort', () => resolve(), { once: true })
      }),
    async advance(ms) {
      const until = now + ms
      for (;;) {
        const next = sleepers.filter((s) => s.at <= until).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        sleepers = sleepers.filter((s) => s !== next)
        now = Math.max(now, next.at)
        next.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
      now = until
    },
  }
}

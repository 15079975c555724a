/** How long an instance goes on after it has said that it will stop: until its load balancer has heard that. */
import { systemClock, type Clock } from '../kernel/index.ts'

/** A load balancer gives up an instance after so many refusals, as we configure it. */
const REFUSALS = 2
/** Whoever asks, but is never heard again, is not waited for any longer than the delay and this. */
const PATIENCE_MS = 10_000
const LOOK_MS = 50

export interface Drain {
  /** Somebody was told whether this instance is ready. */
  asked(ready: boolean): void
  /** Resolves after `delayMs`; and if somebody asks so often that it should have been refused twice by then, not before it was.
   *  An instance with much to do answers late, and a balancer that does not know sends on. Ten seconds after `delayMs` it
   *  resolves in any case. */
  over(delayMs: number): Promise<void>
}

export function createDrain(clock: Pick<Clock, 'elapsed' | 'sleep'> = systemClock): Drain {
  /** The last two times. */
  let asked: number[] = []
  let refused = 0
  return {
    asked(ready) {
      if (ready) asked = [...asked.slice(-1), clock.elapsed()]
      else refused++
    },
    async over(delayMs) {
      refused = 0
      const began = clock.elapsed()
      const [first = -Infinity, last = Infinity] = asked
      const often = last - first <= delayMs / REFUSALS && began - last <= delayMs
      await clock.sleep(delayMs)
      while (often && refused < REFUSALS && clock.elapsed() - began < delayMs + PATIENCE_MS)
        await clock.sleep(Math.min(LOOK_MS, delayMs))
    },
  }
}

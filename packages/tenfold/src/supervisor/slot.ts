/** The place of one process: whatever happens to the process, the place gets another one. */
import { messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Ready } from './messages.ts'
import type { AppProcess } from './process.ts'

/** A process that ends sooner than this after its start counts as one that cannot run. */
const EARLY_MS = 10_000
/** So many of them in a row are a loop. */
export const LOOP_AFTER = 5
const LONGEST_WAIT_MS = 30_000

export interface SlotOptions {
  name: string
  log: Pick<Telemetry['log'], 'info' | 'warn' | 'error'>
  /** Starts a process for this place. `leads`: it is the first of a start or a reload. */
  launch: (leads: boolean) => AppProcess
  /** It stays empty for a while. */
  onRest: (slot: Slot) => void
  /** Its processes end soon after their start, again and again. */
  onLoop: (slot: Slot, last: string) => void
}

export interface Slot {
  readonly name: string
  /** A process is there, and ready. */
  readonly up: boolean
  readonly pid: number | undefined
  /** The first process. Rejects if it does not get ready; the place is empty then. */
  start(leads: boolean): Promise<Ready>
  /** A new process beside the running one, and then instead of it. Rejects if it does not get ready; the running one stays. */
  replace(leads: boolean): Promise<Ready>
  stop(): Promise<void>
}

export function createSlot({ name, log, launch, onRest, onLoop }: SlotOptions): Slot {
  let current: AppProcess | undefined
  let isUp = false
  /** What is to take the place of the current one. */
  let coming: AppProcess | undefined
  let stopping = false
  let earlyEnds = 0
  let timer: NodeJS.Timeout | undefined

  const slot: Slot = {
    name,
    get up() {
      return isUp
    },
    get pid() {
      return current?.pid
    },
    async start(leads) {
      const started = take(launch(leads))
      const ready = await started.ready
      if (current === started) isUp = true
      return ready
    },
    async replace(leads) {
      clearTimeout(timer)
      const before = current
      const next = (coming = launch(leads))
      try {
        const ready = await next.ready
        take(next)
        isUp = true
        earlyEnds = 0
        await before?.stop('retire')
        return ready
      } catch (error) {
        await next.stop('stop')
        if (!current && !stopping) again(0)
        throw error
      } finally {
        coming = undefined
      }
    },
    async stop() {
      stopping = true
      clearTimeout(timer)
      await Promise.all([current?.stop('stop'), coming?.stop('stop')])
    },
  }

  function take(one: AppProcess): AppProcess {
    const startedAt = performance.now()
    current = one
    isUp = false
    void one.ended.then((how) => {
      if (current !== one) return
      current = undefined
      isUp = false
      if (!stopping) lost(how, performance.now() - startedAt)
    })
    return one
  }

  /** It ended, and nobody asked it to. The first time it gets a successor at once, later ones after a pause. */
  function lost(how: string, livedMs: number): void {
    earlyEnds = livedMs < EARLY_MS ? earlyEnds + 1 : 0
    const waitMs = earlyEnds <= 1 ? 0 : Math.min(LONGEST_WAIT_MS, 250 * 2 ** (earlyEnds - 1))
    log.error(`process '${name}' has ended with ${how}`, { process: name, livedMs: Math.round(livedMs), waitMs })
    if (earlyEnds >= LOOP_AFTER) onLoop(slot, how)
    if (coming) return
    if (waitMs > 0) onRest(slot)
    again(waitMs)
  }

  function again(waitMs: number): void {
    timer = setTimeout(() => {
      slot.start(false).then(
        () => log.info(`process '${name}' is back`, { process: name }),
        (error: unknown) => log.warn(messageOf(error), { process: name }),
      )
    }, waitMs)
  }

  return slot
}

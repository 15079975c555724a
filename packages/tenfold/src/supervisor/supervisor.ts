/** Keeps the processes of one app on one machine.
 *
 *  P1  No connection is refused while a process runs or is started again: the sockets outlive the processes. Those of a
 *      process that cannot be started go to the others.
 *  P2  A process that ends gets a successor: at once the first time, then after pauses that grow to 30 s.
 *  P3  When no web process stays up (or no process at all, where there is no web), the supervisor ends with TF_CRASH_LOOP.
 *  P4  A reload replaces one process at a time, and each only when its successor is ready. No request is lost by it.
 *  P5  A reload whose first process does not get ready changes nothing.
 *  P6  When the supervisor dies, its processes finish what runs and end. */
import { messageOf, TenfoldError } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { CrashLoop, ReloadFailed } from './errors.ts'
import type { Ready } from './messages.ts'
import type { AppProcess } from './process.ts'
import { createSlot, LOOP_AFTER, type Slot } from './slot.ts'

export interface SupervisorOptions {
  /** The places, in the order in which they start and are replaced. */
  processes: readonly PlaceOptions[]
  log: Pick<Telemetry['log'], 'info' | 'warn' | 'error'>
}

export interface PlaceOptions {
  name: string
  /** Whether it answers requests. */
  serves: boolean
  launch: (leads: boolean) => AppProcess
  /** Those that `launch` hands on. Closed while nobody accepts from them: an open socket takes connections. */
  sockets: readonly { close(): void }[]
}

export interface ProcessState {
  name: string
  pid: number | undefined
  up: boolean
}

export interface Supervisor {
  /** Resolves when all are ready; if one is not, ends the others and rejects. What each said, in the order of the options. */
  start(): Promise<Ready[]>
  /** Replaces all processes. A second call meanwhile gets the outcome of the first. */
  reload(): Promise<ProcessState[]>
  /** Resolves when it gives up (P3); stays open otherwise. */
  readonly gaveUp: Promise<TenfoldError>
  states(): ProcessState[]
  stop(): Promise<void>
}

export function createSupervisor({ processes, log }: SupervisorOptions): Supervisor {
  const { promise: gaveUp, resolve: giveUp } = Promise.withResolvers<TenfoldError>()
  const slots = processes.map(({ name, launch }) => createSlot({ name, log, launch, onRest, onLoop }))
  const serving = slots.filter((_, i) => processes[i]!.serves)
  const needed = serving.length > 0 ? serving : slots
  let reloading: Promise<ProcessState[]> | undefined

  const letGo = (slot: Slot): void => processes[slots.indexOf(slot)]!.sockets.forEach((socket) => socket.close())

  /** Its share of the connections goes to the others, if there are any; else they had better wait. */
  function onRest(slot: Slot): void {
    if (serving.includes(slot) && serving.some(({ up }) => up)) letGo(slot)
  }

  function onLoop(slot: Slot, last: string): void {
    if (!needed.some(({ up }) => up)) giveUp(CrashLoop({ process: slot.name, times: LOOP_AFTER, last }))
  }

  const states = (): ProcessState[] => slots.map(({ name, pid, up }) => ({ name, pid, up }))
  let stopping = false
  const stop = async (): Promise<void> => {
    stopping = true
    slots.forEach(letGo)
    await Promise.all(slots.map((slot) => slot.stop()))
  }

  async function replaceAll(): Promise<ProcessState[]> {
    for (const [done, slot] of slots.entries()) {
      if (stopping) break
      const before = slot.pid
      await slot.replace(done === 0).catch((error: unknown) => {
        const why = error instanceof TenfoldError ? String((error.details as { why?: string }).why) : messageOf(error)
        throw ReloadFailed({ process: slot.name, why, replaced: done, of: slots.length }, { cause: error })
      })
      log.info(`process '${slot.name}' was replaced`, { process: slot.name, pid: slot.pid, before })
    }
    return states()
  }

  return {
    gaveUp,
    states,
    stop,
    async start() {
      const [first, ...rest] = slots
      try {
        // Alone: what is wrong with the release is said once, and what it changes in the database is there for the others.
        const leader = await first!.start(true)
        return [leader, ...(await Promise.all(rest.map((slot) => slot.start(false))))]
      } catch (error) {
        await stop()
        throw error
      }
    },
    reload: () => (reloading ??= replaceAll().finally(() => (reloading = undefined))),
  }
}

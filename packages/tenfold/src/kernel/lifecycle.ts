import { defineError, messageOf } from './errors.ts'

/** Something that runs: started once, stopped once. */
export interface Service {
  readonly name: string
  start(): Promise<void>
  /** Stops within its own deadline; called at most once, and only after `start` was called. */
  stop(): Promise<void>
}

export const StopFailed = defineError('TF_STOP_FAILED', {
  says: (e: { failures: string[] }) => `Not everything stopped cleanly: ${e.failures.join('; ')}`,
  fix: 'Read the log lines just before this one; a part that hangs at shutdown often holds an open connection.',
})

/** Starts services in order and stops them in the opposite order.
 *  If one fails to start, those already started are stopped and the failure is thrown. */
export function startInOrder(services: readonly Service[]): { started: Promise<void>; stop(): Promise<void> } {
  const running: Service[] = []
  let stopping: Promise<void> | undefined

  const stopAll = async (): Promise<void> => {
    const failures: string[] = []
    for (const service of running.splice(0).reverse()) {
      await service.stop().catch((error: unknown) => failures.push(`${service.name}: ${messageOf(error)}`))
    }
    if (failures.length > 0) throw StopFailed({ failures })
  }
  const startAll = async (): Promise<void> => {
    for (const service of services) {
      if (stopping) return
      running.push(service)
      await service.start()
    }
  }
  const started = startAll().catch(async (error: unknown) => {
    await stopAll().catch(() => {})
    throw error
  })
  return { started, stop: () => (stopping ??= started.catch(() => {}).then(stopAll)) }
}

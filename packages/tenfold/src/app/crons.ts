import { toMs } from '../kernel/index.ts'
import type { CronDefinition } from '../cron/index.ts'
import type { Module } from '../modules/index.ts'

/** The crons of all modules, as the scheduler knows them. */
export function cronsOf(modules: readonly Module[]): CronDefinition[] {
  return modules
    .flatMap((module) => module.parts)
    .filter((part) => part.kind === 'cron')
    .map(({ name, schedule, options: { timeZone, grace, catchUp, overlap, jitter, attempts, timeout } }) => ({
      name,
      schedule,
      ...(timeZone !== undefined && { timeZone }),
      ...(grace !== undefined && { graceMs: toMs(grace) }),
      ...(catchUp && { catchUp }),
      ...(overlap && { overlap }),
      ...(jitter !== undefined && { jitterMs: toMs(jitter) }),
      ...(attempts !== undefined && { maxAttempts: attempts }),
      ...(timeout !== undefined && { timeoutMs: toMs(timeout) }),
    }))
}

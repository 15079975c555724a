import { errorFields } from '../kernel/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** A promise that failed, and that nobody waits for, is told of and not obeyed: Node.js would end the process, with every other
 *  request in it. What is thrown where nobody can catch it ends it still, since what was under way is in an unknown state; the log
 *  has it then, too.
 *    https://nodejs.org/docs/latest-v24.x/api/process.html#warning-using-uncaughtexception-correctly */
export function watchForgotten(log: Pick<Logger, 'error' | 'fatal'>): void {
  process.on('unhandledRejection', (reason) =>
    log.error('A promise failed that nobody waits for.', { ...errorFields(reason), hint: HINT }),
  )
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    if (origin === 'uncaughtException') log.fatal('An error was thrown where nobody can catch it.', errorFields(error))
  })
}

const HINT = 'Put an `await` before the call, or handle its error with `.catch`.'

import type { EventEmitter } from 'node:events'
import type { LogLevel } from './logger.ts'
import type { Telemetry } from './telemetry.ts'

const NEXT: Partial<Record<LogLevel | 'silent', LogLevel>> = { debug: 'trace' }

/** Each SIGUSR2 makes the log of this process one step more talkative (debug, then trace), and from trace brings back the
 *  level that it began with: `kill -USR2 <pid>` in the middle of an incident, without a restart. Returns how to stop that. */
export function followLevelSignal(
  telemetry: Telemetry,
  signals: Pick<EventEmitter, 'on' | 'off'> = process,
): () => void {
  const { logLevel, log } = telemetry
  const usual = logLevel.now()
  const step = (): void => {
    const now = logLevel.now()
    logLevel.set(now === 'trace' ? usual : (NEXT[now] ?? 'debug'))
    log.warn('The log level has changed', { from: now, to: logLevel.now() })
  }
  signals.on('SIGUSR2', step)
  return () => void signals.off('SIGUSR2', step)
}

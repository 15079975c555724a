import { createRequire } from 'node:module'
import { pino } from 'pino'
import type { Clock } from '../kernel/index.ts'
import type { Redactor } from './redact.ts'
import type { Logger, LogRecord } from './telemetry.ts'

export type LogLevel = LogRecord['level']

/** Takes finished lines. Must not block; `flush` is called at the end and after a fatal line. */
export interface LogDestination {
  write(line: string): void
  flush?(): Promise<void> | void
}

export interface LoggerOptions {
  level: LogLevel | 'silent'
  /** On every line. */
  base: Record<string, string>
  destination: LogDestination
  clock: Clock
  redactor: Redactor
  /** The trace and the span that the caller is in. */
  where(): { traceId: string; spanId: string } | undefined
  onLog(record: LogRecord): void
}

const LEVELS: Record<LogLevel | 'silent', number> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: 99,
}

/** JSON names that belong to the line itself: a field of that name is written with a `_` behind it. */
const RESERVED = new Set(['time', 'level', 'msg', 'trace_id', 'span_id', 'service', 'version', 'env', 'instance'])

export function createLogger(options: LoggerOptions): Logger {
  const { clock, redactor, destination, onLog } = options
  const least = LEVELS[options.level]
  const lines = pino(
    {
      level: options.level,
      base: options.base,
      timestamp: () => `,"time":${clock.now()}`,
      // Errors arrive here as plain fields already.
      serializers: { err: (fields: unknown) => fields },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )

  const write = (
    level: LogLevel,
    message: string,
    inherited: Record<string, unknown>,
    given?: Record<string, unknown>,
  ): void => {
    if (LEVELS[level] < least) return
    try {
      const fields = given ? { ...inherited, ...redactor.fields(given) } : { ...inherited }
      const text = redactor.text(String(message))
      const at = options.where()
      const line: Record<string, unknown> = at ? { trace_id: at.traceId, span_id: at.spanId } : {}
      for (const name in fields) line[RESERVED.has(name) ? `${name}_` : name] = fields[name]
      lines[level](line, text)
      onLog({
        timeMs: clock.now(),
        level,
        message: text,
        ...(at && { traceId: at.traceId, spanId: at.spanId }),
        fields,
      })
      if (level === 'fatal') void destination.flush?.()
    } catch {
      // T2: a line that cannot be written is lost; the caller goes on.
    }
  }

  const withFields = (inherited: Record<string, unknown>): Logger => ({
    trace: (message, fields) => write('trace', message, inherited, fields),
    debug: (message, fields) => write('debug', message, inherited, fields),
    info: (message, fields) => write('info', message, inherited, fields),
    warn: (message, fields) => write('warn', message, inherited, fields),
    error: (message, fields) => write('error', message, inherited, fields),
    fatal: (message, fields) => write('fatal', message, inherited, fields),
    child: (fields) => withFields({ ...inherited, ...redactor.fields(fields) }),
  })
  return withFields({})
}

/** Standard output, written in the background; lines that do not fit into `maxBytes` of memory are dropped and counted.
 *  Where no person looks on, lines wait for each other for up to 100 ms: a write for each costs more than all else about
 *  a request's line. They are written at the end of the process, a crash by an exception included; `kill -9` loses them. */
export function standardOutput(maxBytes: number, onDrop: () => void): LogDestination {
  const together = process.stdout.isTTY ? {} : { minLength: 8192, periodicFlush: 100 }
  const stream = pino.destination({ fd: 1, sync: false, maxLength: maxBytes, ...together })
  stream.on('drop', onDrop)
  stream.on('error', onDrop)
  return {
    write: (line) => void stream.write(line),
    flush: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000)
        stream.flush(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

/** Lines for people, in colour: for development on a terminal. */
export function prettyOutput(): LogDestination {
  // Loaded here, so that production does not pay for it; in one tick, since loggers are made without waiting.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  const format = prettyFactory({
    colorize: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'service,version,env,instance,trace_id,span_id',
  })
  return { write: (line) => void process.stdout.write(format(line)) }
}

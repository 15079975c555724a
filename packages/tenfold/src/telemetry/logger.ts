import { pino } from 'pino'
import type { Clock } from '../kernel/index.ts'
import { maskText, type Redactor } from './redact.ts'
import type { AccessLine, Logger, LogRecord } from './telemetry.ts'

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
  /** Who listens to lines; undefined when nobody does. */
  onLog(): ((record: LogRecord) => void) | undefined
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

/** The least level that is written, which may change while the process runs. */
export interface LevelSwitch {
  now(): LogLevel | 'silent'
  set(level: LogLevel | 'silent'): void
}

export function createLogger(options: LoggerOptions): Logger & { readonly level: LevelSwitch } {
  const { clock, redactor, destination, onLog } = options
  const least = { level: options.level, rank: LEVELS[options.level] }
  const access = accessWriter(options, least)
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
    if (LEVELS[level] < least.rank) return
    try {
      const fields = given ? { ...inherited, ...redactor.fields(given) } : { ...inherited }
      const text = redactor.text(String(message))
      const at = options.where()
      const line: Record<string, unknown> = at ? { trace_id: at.traceId, span_id: at.spanId } : {}
      for (const name in fields) line[RESERVED.has(name) ? `${name}_` : name] = fields[name]
      lines[level](line, text)
      onLog()?.({
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
    access,
  })
  const level: LevelSwitch = {
    now: () => least.level,
    set(to) {
      least.level = lines.level = to
      least.rank = LEVELS[to]
    },
  }
  return Object.assign(withFields({}), { level })
}

/** Lines of requests are as many as requests: written out here, field by field, since all of them are known. Only the path
 *  can hold what must not be kept; who listens gets the same fields that any other line has. */
function accessWriter({ base, clock, destination, where, onLog }: LoggerOptions, least: { rank: number }) {
  const start = Object.entries(base)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('')
  return (line: AccessLine): void => {
    if (LEVELS[line.level] < least.rank) return
    try {
      const { level, message, requestId, method, status, ms, bytes, ip, userId, code } = line
      const path = maskText(line.path)
      const timeMs = clock.now()
      const at = where()
      const trace = at ? `,"trace_id":"${at.traceId}","span_id":"${at.spanId}"` : ''
      const user = userId === undefined ? '' : `,"userId":${JSON.stringify(userId)}`
      const because = code === undefined ? '' : `,"code":"${code}"`
      destination.write(
        `{"level":"${level}","time":${timeMs}${start}${trace},"requestId":"${requestId}","method":"${method}","path":${JSON.stringify(path)},"status":${status},"ms":${ms},"bytes":${bytes},"ip":${JSON.stringify(ip)}${user}${because},"msg":${JSON.stringify(message)}}\n`,
      )
      const listener = onLog()
      if (!listener) return
      const fields: Record<string, unknown> = { requestId, method, path, status, ms, bytes, ip }
      if (userId !== undefined) fields['userId'] = userId
      if (code !== undefined) fields['code'] = code
      listener({ timeMs, level, message, status, ...(at && { traceId: at.traceId, spanId: at.spanId }), fields })
    } catch {
      // T2: a line that cannot be written is lost; the caller goes on.
    }
  }
}

import type { LogRecord } from '../telemetry/index.ts'

export const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const

export interface LogLine extends LogRecord {
  id: number
}

/** Log lines that wait for the database: at most `max` of warnings and worse, and as many of the rest. */
export class LogLines {
  dropped = 0
  private readonly max: number
  private readonly maxBytes: number
  private lines: { important: LogLine[]; ordinary: LogLine[] } = { important: [], ordinary: [] }
  private bytes = 0
  private lastId = 0

  constructor(max: number, maxBytes: number) {
    this.max = max
    this.maxBytes = maxBytes
  }

  add(record: LogRecord): void {
    this.lastId = Math.max(this.lastId + 1, Math.floor(record.timeMs) * 1000)
    this.put({ ...record, id: this.lastId })
  }

  take(): LogLine[] {
    const { important, ordinary } = this.lines
    this.lines = { important: [], ordinary: [] }
    this.bytes = 0
    return [...important, ...ordinary].sort((a, b) => a.id - b.id)
  }

  putBack(lines: readonly LogLine[]): void {
    for (const line of lines) this.put(line)
  }

  private put(line: LogLine): void {
    const list = LEVELS[line.level] >= LEVELS.warn ? this.lines.important : this.lines.ordinary
    const size = sizeOf(line)
    if (list.length >= this.max || this.bytes + size > this.maxBytes) {
      this.dropped++
      return
    }
    this.bytes += size
    list.push(line)
  }
}

/** Roughly: the long parts are strings near the top. */
function sizeOf(line: LogLine): number {
  let size = 200 + line.message.length
  for (const name in line.fields) {
    const value = line.fields[name]
    size += typeof value === 'string' ? value.length : typeof value === 'object' && value !== null ? 2000 : 16
  }
  return size
}

import type { LogRecord } from '../telemetry/index.ts'

export const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const

export interface LogLine extends LogRecord {
  id: number
}

/** How many lines may wait. */
interface Bounds {
  /** Of warnings and worse, and as many of the rest. */
  max: number
  maxBytes: number
  /** Of requests that were answered below 400, so many access lines in each second: there are as many as requests, and what they
   *  say is counted, too. */
  accessPerSecond: number
}

/** Log lines that wait for the database. Beyond its bounds they are dropped and counted; access lines are chosen. */
export class LogLines {
  dropped = 0
  private readonly bounds: Bounds
  private lines: { important: LogLine[]; ordinary: LogLine[] } = { important: [], ordinary: [] }
  private bytes = 0
  private lastId = 0
  private access = { second: 0, lines: 0 }

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  add(record: LogRecord): void {
    if (record.status !== undefined && record.status < 400 && !this.isChosen(record)) return
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
    if (list.length >= this.bounds.max || this.bytes + size > this.bounds.maxBytes) {
      this.dropped++
      return
    }
    this.bytes += size
    list.push(line)
  }

  private isChosen({ timeMs }: LogRecord): boolean {
    const second = Math.floor(timeMs / 1000)
    if (second !== this.access.second) this.access = { second, lines: 0 }
    return ++this.access.lines <= this.bounds.accessPerSecond
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

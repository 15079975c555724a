/** What a command prints: for people in colours on a terminal, for programs as JSON. */
import type { Writable } from 'node:stream'

export interface Streams {
  stdout: Writable & { isTTY?: boolean }
  stderr: Writable & { isTTY?: boolean }
}

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'grey' | 'bold'

const CODES: Record<Colour, [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  grey: [90, 39],
  bold: [1, 22],
}

export interface Output {
  readonly json: boolean
  line(text?: string): void
  /** To standard error. */
  error(text: string): void
  paint(colour: Colour, text: string): string
  /** With --json the value, otherwise what `people` writes. */
  show(value: unknown, people: () => void): void
  table(columns: readonly string[], rows: readonly (readonly string[])[]): void
}

export function createOutput(streams: Streams, options: { json: boolean; colour: boolean }): Output {
  const coloured = options.colour && streams.stdout.isTTY === true
  const paint = (colour: Colour, text: string): string => {
    const [on, off] = CODES[colour]
    return coloured ? `\x1b[${on}m${text}\x1b[${off}m` : text
  }
  const line = (text = ''): void => void streams.stdout.write(`${text}\n`)
  return {
    json: options.json,
    line,
    error: (text) => void streams.stderr.write(`${streams.stderr.isTTY === true ? text : withoutColours(text)}\n`),
    paint,
    show: (value, people) => (options.json ? line(JSON.stringify(value, null, 2)) : people()),
    table(columns, rows) {
      const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => widthOf(row[i] ?? ''))))
      const format = (row: readonly string[]): string =>
        row
          .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(widths[i]! - widthOf(cell))))
          .join('  ')
          .trimEnd()
      line(paint('grey', format(columns)))
      for (const row of rows) line(format(row))
    },
  }
}

function widthOf(text: string): number {
  return withoutColours(text).length
}

function withoutColours(text: string): string {
  return text.replace(/\x1b\[\d+m/g, '')
}

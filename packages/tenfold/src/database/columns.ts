/** How the rows of one text are read; kept with the text, and made anew when the columns have changed. */
import type pg from 'pg'
import { parseInt8, readsDigits } from './values.ts'

export interface Columns {
  readonly types: pg.CustomTypesConfig
  /** As the server described them. */
  readonly described: Buffer
  readonly names: readonly string[]
  /** Undefined for whole numbers, which are read off their digits. */
  readonly parsers: readonly (((text: string) => unknown) | undefined)[]
  /** A row without values: copies of one object have one hidden class. */
  readonly blank: Record<string, unknown>
}

/** `known`, where it still says what the content of a RowDescription says. */
export function columnsOf(
  known: Columns | undefined,
  types: pg.CustomTypesConfig,
  bytes: Buffer,
  from: number,
  to: number,
): Columns {
  if (known?.types === types && known.described.length === to - from) {
    if (bytes.compare(known.described, 0, known.described.length, from, to) === 0) return known
  }
  const names: string[] = []
  const parsers: Columns['parsers'][number][] = []
  const count = bytes.readUInt16BE(from)
  for (let i = 0, at = from + 2; i < count; i++, at += 18) {
    const end = bytes.indexOf(0, at)
    names.push(bytes.toString('utf8', at, end))
    at = end + 1 // of the table (4), its column (2), the type (4), its size (2) and modifier (4), the format (2)
    const parser = types.getTypeParser(bytes.readUInt32BE(at + 6), 'text') as (text: string) => unknown
    parsers.push(readsDigits(parser) ? undefined : parser)
  }
  const blank = Object.fromEntries(names.map((name) => [name, null]))
  return { types, described: Buffer.from(bytes.subarray(from, to)), names, parsers, blank }
}

/** The content of one DataRow. */
export function readRow({ names, parsers, blank }: Columns, bytes: Buffer, from: number): Record<string, unknown> {
  const row = { ...blank }
  let at = from + 2
  for (let i = 0; i < names.length; i++) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) {
      row[names[i]!] = null
      continue
    }
    const end = at + length
    const parser = parsers[i]
    row[names[i]!] =
      parser === undefined && length <= EXACT ? wholeNumber(bytes, at, end) : parseText(parser, bytes, at, end)
    at = end
  }
  return row
}

/** Whole numbers of so many digits are exact as they are. */
const EXACT = 15

function wholeNumber(bytes: Buffer, from: number, to: number): number {
  const negative = bytes[from] === 0x2d
  let value = 0
  for (let i = negative ? from + 1 : from; i < to; i++) value = value * 10 + (bytes[i]! - 0x30)
  return negative ? -value : value
}

function parseText(parser: ((text: string) => unknown) | undefined, bytes: Buffer, from: number, to: number): unknown {
  const text = bytes.toString('utf8', from, to)
  return parser ? parser(text) : parseInt8(text)
}

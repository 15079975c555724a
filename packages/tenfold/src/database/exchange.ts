/** One statement and its answer. Parse, Bind, Describe, Execute and Sync are one buffer and one write; what is known of a text (its
 *  message, its columns and their parsers) is kept; rows are made of the bytes as they come. And `begin` may travel with the first
 *  statement of a transaction, before the same Sync, so that it costs no round trip.
 *    https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY */
import type pg from 'pg'
import { columnsOf, readRow, type Columns } from './columns.ts'
import { errorOf, extendedMessage, queryMessage } from './messages.ts'
import type { Shape } from './shapes.ts'
import type { Asked, Wire } from './wire.ts'

export interface Answer {
  rows: unknown[]
  /** Rows returned or affected. */
  rowCount: number
  /** The first word of what the server says was done; of several statements at once, the first one's. */
  command: string
}

/** @param before a statement without values that runs first, in the same round trip; `shape` has to be a single statement then */
export function exchange(
  wire: Wire,
  types: pg.CustomTypesConfig,
  shape: Shape,
  values: readonly unknown[],
  before?: Shape,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    wire.ask(new Once(types, shape, values, before, resolve, reject))
  })
}

/** What comes of the answer, for whoever says what becomes of it: `settle`, which is called once. */
export abstract class Exchange implements Asked {
  protected readonly shape: Shape
  protected readonly values: readonly unknown[]
  private readonly before: Shape | undefined
  private columns: Columns | undefined = undefined
  private rows: unknown[] | undefined = undefined
  /** How many answers come before ours. */
  private ahead: number
  private answer: Answer | undefined = undefined
  private failure: unknown = undefined

  constructor(shape: Shape, values: readonly unknown[], before: Shape | undefined) {
    this.shape = shape
    this.values = values
    this.before = before
    this.ahead = before ? 1 : 0
  }

  protected abstract typesOf(): pg.CustomTypesConfig
  protected abstract settle(answer: Answer, failure: unknown): void

  message(): Buffer {
    const { shape, values, before } = this
    // Without values the simple protocol will do, which also takes several statements at once, but none before them.
    if (values.length === 0 && !before) return (shape.query ??= queryMessage(shape.text))
    return extendedMessage(shape.parse, values, before?.parse)
  }

  take(type: number, bytes: Buffer, from: number, to: number): void {
    if (type === DATA_ROW) this.takeRow(bytes, from)
    else if (type === ROW_DESCRIPTION)
      this.columns = this.shape.columns = columnsOf(this.shape.columns, this.typesOf(), bytes, from, to)
    else if (type === COMMAND_COMPLETE) this.takeEnd(bytes, from, to - 1)
    else if (type === ERROR_RESPONSE) this.failure ??= errorOf(bytes, from, to)
    else if (type === EMPTY_QUERY) this.answer = { rows: [], rowCount: 0, command: '' }
  }

  ended(): void {
    this.settle(this.answer ?? { rows: [], rowCount: 0, command: '' }, this.failure)
  }

  failed(error: unknown): void {
    this.settle(NOTHING, this.failure ?? error)
  }

  private takeRow(bytes: Buffer, from: number): void {
    if (this.failure) return
    try {
      const row = readRow(this.columns!, bytes, from)
      if (this.rows) this.rows.push(row)
      else this.rows = [row]
    } catch (error) {
      this.failure = error
    }
  }

  /** `INSERT 0 1` */
  private takeEnd(bytes: Buffer, from: number, to: number): void {
    if (this.ahead > 0) return void this.ahead--
    const rows = this.rows ?? []
    this.rows = undefined
    const { shape } = this
    if (!shape.command || !startsWith(bytes, from, shape.command)) shape.command = wordOf(bytes, from, to)
    this.answer = {
      rows,
      rowCount: countOf(bytes, from, to) ?? rows.length,
      command: this.answer?.command ?? shape.command,
    }
  }
}

class Once extends Exchange {
  private readonly types: pg.CustomTypesConfig
  private readonly resolve: (answer: Answer) => void
  private readonly reject: (error: unknown) => void

  constructor(
    types: pg.CustomTypesConfig,
    shape: Shape,
    values: readonly unknown[],
    before: Shape | undefined,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    super(shape, values, before)
    this.types = types
    this.resolve = resolve
    this.reject = reject
  }

  protected typesOf(): pg.CustomTypesConfig {
    return this.types
  }

  protected settle(answer: Answer, failure: unknown): void {
    if (failure) this.reject(failure)
    else this.resolve(answer)
  }
}

const DATA_ROW = 0x44
const ROW_DESCRIPTION = 0x54
const COMMAND_COMPLETE = 0x43
const ERROR_RESPONSE = 0x45
const EMPTY_QUERY = 0x49

const NOTHING: Answer = { rows: [], rowCount: 0, command: '' }

const SPACE = 0x20

/** `INSERT 0 1` -> `INSERT` */
function wordOf(bytes: Buffer, from: number, to: number): string {
  let end = from
  while (end < to && bytes[end] !== SPACE) end++
  return bytes.toString('latin1', from, end)
}

/** Whether that word is the first one there. */
function startsWith(bytes: Buffer, from: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false
  const next = bytes[from + word.length]
  return next === SPACE || next === 0
}

/** `INSERT 0 1` -> 1; undefined where there is nothing to count. */
function countOf(bytes: Buffer, from: number, to: number): number | undefined {
  let count = 0
  let unit = 1
  for (let i = to - 1; i >= from; i--) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) return bytes[i] === SPACE && unit > 1 ? count : undefined
    count += digit * unit
    unit *= 10
  }
  return undefined
}

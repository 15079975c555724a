/** One statement and its answer on a connection of `pg`, as a query object of our own: `Client.query` takes any that sends
 *  itself, and hands it each message of the answer (https://node-postgres.com/apis/client#clientquery, as `pg-cursor` does).
 *
 *  It does what the driver's own does, for less: Parse, Bind, Describe, Execute and Sync are one buffer and one write, what is
 *  known of a text (its message, its columns and their parsers) is kept, and nothing is emitted. And it can do one thing more:
 *  `begin` may travel with the first statement of a transaction, before the same Sync, so that it costs no round trip.
 *    https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY */
import pg from 'pg'
import type { Shape } from './shapes.ts'

export interface Answer {
  rows: unknown[]
  /** Rows returned or affected. */
  rowCount: number
  /** The first word of what the server says was done; of several statements at once, the first one's. */
  command: string
}

/** How a result set of one text is read; kept with the text, and made anew when the columns have changed. */
export interface Columns {
  readonly types: pg.CustomTypesConfig
  readonly fields: readonly pg.FieldDef[]
  readonly parsers: readonly ((text: string) => unknown)[]
  /** A row without values: copies of one object have one hidden class. */
  readonly blank: Record<string, unknown>
}

/** @param before a statement without values that runs first, in the same round trip; only together with values */
export function exchange(
  client: pg.Client,
  types: pg.CustomTypesConfig,
  shape: Shape,
  values: readonly unknown[],
  before?: Shape,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.query(new Exchange(types, shape, values, before, resolve, reject))
  })
}

class Exchange implements pg.Submittable {
  readonly #types: pg.CustomTypesConfig
  readonly #shape: Shape
  readonly #values: readonly unknown[]
  readonly #before: Shape | undefined
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: unknown) => void
  #columns: Columns | undefined
  #rows: unknown[] | undefined
  /** How many answers come before ours. */
  #ahead: number
  #answer: Answer | undefined
  #failure: unknown

  constructor(
    types: pg.CustomTypesConfig,
    shape: Shape,
    values: readonly unknown[],
    before: Shape | undefined,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#types = types
    this.#shape = shape
    this.#values = values
    this.#before = before
    this.#ahead = before ? 1 : 0
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Returns what went wrong before anything was sent; the driver tells `handleError`. */
  submit(connection: pg.Connection): Error | undefined {
    // Without values the simple protocol will do, which also takes several statements at once.
    if (this.#values.length === 0) {
      connection.query(this.#shape.text)
      return undefined
    }
    try {
      connection.stream.write(encode(this.#shape, this.#values, this.#before))
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    const known = this.#shape.columns
    this.#columns =
      known && describes(known, fields, this.#types) ? known : (this.#shape.columns = columnsOf(fields, this.#types))
  }

  handleDataRow({ fields: texts }: { fields: (string | null)[] }): void {
    if (this.#failure) return
    const { fields, parsers, blank } = this.#columns!
    const row = { ...blank }
    try {
      for (let i = 0; i < texts.length; i++) {
        const text = texts[i]!
        row[fields[i]!.name] = text === null ? null : parsers[i]!(text)
      }
    } catch (error) {
      this.#failure = error
      return
    }
    if (this.#rows) this.#rows.push(row)
    else this.#rows = [row]
  }

  handleCommandComplete({ text }: { text: string }): void {
    if (this.#ahead > 0) return void this.#ahead--
    const rows = this.#rows ?? []
    this.#rows = undefined
    const command = this.#answer?.command ?? wordOf(text)
    this.#answer = { rows, rowCount: countOf(text) ?? rows.length, command }
  }

  handleEmptyQuery(): void {
    this.#answer = { rows: [], rowCount: 0, command: '' }
  }

  handleReadyForQuery(): void {
    if (this.#failure) this.#reject(this.#failure)
    else this.#resolve(this.#answer ?? { rows: [], rowCount: 0, command: '' })
  }

  handleError(error: unknown): void {
    this.#reject(this.#failure ?? error)
  }

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: pg.Connection & { sendCopyFail(message: string): void }): void {
    connection.sendCopyFail('There is nothing to copy from.')
  }

  handleCopyData(): void {}
}

function describes(known: Columns, fields: readonly pg.FieldDef[], types: pg.CustomTypesConfig): boolean {
  if (known.types !== types || known.fields.length !== fields.length) return false
  for (let i = 0; i < fields.length; i++) {
    const one = fields[i]!
    const other = known.fields[i]!
    if (one.name !== other.name || one.dataTypeID !== other.dataTypeID) return false
  }
  return true
}

function columnsOf(fields: readonly pg.FieldDef[], types: pg.CustomTypesConfig): Columns {
  return {
    types,
    fields,
    parsers: fields.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text') as (text: string) => unknown),
    blank: Object.fromEntries(fields.map(({ name }) => [name, null])),
  }
}

/** `INSERT 0 1` -> `INSERT` */
function wordOf(tag: string): string {
  const end = tag.indexOf(' ')
  return end < 0 ? tag : tag.slice(0, end)
}

/** `INSERT 0 1` -> 1; undefined where there is nothing to count. */
function countOf(tag: string): number | undefined {
  const count = Number(tag.slice(tag.lastIndexOf(' ') + 1))
  return Number.isNaN(count) ? undefined : count
}

/** How the driver turns values into texts: dates with their offset, arrays as Postgres writes them, objects as JSON. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | Buffer | null } }).utils

/** A text of so many units needs at most three times as many bytes; above this, they are counted. */
const SHORT = 128

const TEXT = 0
const BYTES = 1

/** Parse (and before it, for `begin`: Parse, Bind, Execute), Bind, Describe, Execute, Sync. */
function encode({ parse }: Shape, values: readonly unknown[], before: Shape | undefined): Buffer {
  const count = values.length
  const start = (before ? before.parse.length + RUN.length : 0) + parse.length
  let size = start + 13 + count * 6 + END.length
  const prepared: (string | Buffer | null)[] = []
  for (let i = 0; i < count; i++) {
    const value = values[i]
    const one = typeof value === 'string' ? value : prepareValue(value)
    prepared.push(one)
    if (typeof one === 'string') size += one.length <= SHORT ? one.length * 3 : Buffer.byteLength(one)
    else if (one) size += one.length
  }
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  if (before) {
    at += before.parse.copy(buffer, 0)
    at += RUN.copy(buffer, at)
  }
  at += parse.copy(buffer, at)
  buffer[at++] = 0x42 // Bind, to the unnamed portal, of the unnamed statement
  const lengthAt = at
  buffer[at + 4] = buffer[at + 5] = 0
  at = buffer.writeUInt16BE(count, at + 6)
  for (const one of prepared) at = buffer.writeUInt16BE(typeof one === 'string' || one === null ? TEXT : BYTES, at)
  at = buffer.writeUInt16BE(count, at)
  for (const one of prepared) {
    if (one === null) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    const length = typeof one === 'string' ? buffer.write(one, at + 4) : one.copy(buffer, at + 4)
    at = buffer.writeUInt32BE(length, at) + length
  }
  at = buffer.writeUInt16BE(0, at) // no formats for the columns of the result: all are text
  buffer.writeUInt32BE(at - lengthAt, lengthAt)
  at += END.copy(buffer, at)
  return buffer.subarray(0, at)
}

/** Parse, of the unnamed statement. */
export function parseMessage(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const buffer = Buffer.alloc(length + 9)
  buffer[0] = 0x50
  buffer.writeUInt32BE(length + 8, 1)
  buffer.write(text, 6)
  return buffer
}

/** Bind without values, and Execute. */
const RUN = Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
/** Describe the portal, Execute, Sync. */
const END = Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])

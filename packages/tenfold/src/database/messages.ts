/** The messages that a statement is sent with, and those of the answer that are read whole.
 *    https://www.postgresql.org/docs/18/protocol-message-formats.html */
import pg from 'pg'

/** How the driver turns values into texts: dates with their offset, arrays as Postgres writes them, objects as JSON. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | Buffer | null } }).utils

/** A text of so many units needs at most three times as many bytes; above this, they are counted. */
const SHORT = 128

const TEXT = 0
const BYTES = 1

/** Parse (and before it, for `begin`: Parse, Bind, Execute), Bind, Describe, Execute, Sync. */
export function extendedMessage(parse: Buffer, values: readonly unknown[], before: Buffer | undefined): Buffer {
  const count = values.length
  const start = (before ? before.length + RUN.length : 0) + parse.length
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
    at += before.copy(buffer, 0)
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

/** Query, of the simple protocol. */
export function queryMessage(text: string): Buffer {
  return textMessage(0x51, text)
}

export function copyFailMessage(reason: string): Buffer {
  return textMessage(0x66, reason)
}

function textMessage(type: number, text: string): Buffer {
  const length = Buffer.byteLength(text)
  const buffer = Buffer.alloc(length + 6)
  buffer[0] = type
  buffer.writeUInt32BE(length + 5, 1)
  buffer.write(text, 5)
  return buffer
}

/** Bind without values, and Execute. */
const RUN = Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
/** Describe the portal, Execute, Sync. */
const END = Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])

const FIELDS: Readonly<Record<string, string>> = {
  S: 'severity',
  C: 'code',
  D: 'detail',
  H: 'hint',
  P: 'position',
  p: 'internalPosition',
  q: 'internalQuery',
  W: 'where',
  s: 'schema',
  t: 'table',
  c: 'column',
  d: 'dataType',
  n: 'constraint',
  F: 'file',
  L: 'line',
  R: 'routine',
}

/** The driver's own kind of error, out of the content of an ErrorResponse. */
export function errorOf(bytes: Buffer, from: number, to: number): pg.DatabaseError {
  const told: Record<string, string> = {}
  let message = ''
  for (let at = from; at < to && bytes[at] !== 0;) {
    const type = String.fromCharCode(bytes[at]!)
    const end = bytes.indexOf(0, at + 1)
    const text = bytes.toString('utf8', at + 1, end)
    if (type === 'M') message = text
    else if (FIELDS[type]) told[FIELDS[type]] = text
    at = end + 1
  }
  return Object.assign(new pg.DatabaseError(message, to - from, 'error'), told)
}

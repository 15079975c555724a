/** Protobuf's wire format, as much of it as OTLP's messages need. https://protobuf.dev/programming-guides/encoding/
 *  A message is the same object that is written as OTLP's JSON: 64-bit numbers are decimal strings there, ids are hex. */
import type { Field, FieldType, Message } from './messages.ts'

const VARINT = 0
const EIGHT = 1
const BYTES = 2
const FOUR = 5

const WIRE: Record<FieldType, number> = {
  string: BYTES,
  bytes: BYTES,
  bool: VARINT,
  enum: VARINT,
  int64: VARINT,
  uint32: VARINT,
  double: EIGHT,
  fixed64: EIGHT,
  fixed32: FOUR,
}

/** The bytes of a message; fields that `message` does not know are left out. */
export function encodeProtobuf(message: Message, value: object): Uint8Array {
  const writer = new Writer()
  writeMessage(writer, message, value as Record<string, unknown>)
  return writer.done()
}

export function writeMessage(writer: Writer, message: Message, value: Record<string, unknown>): void {
  for (const name in value) {
    const field = message[name]
    const given = value[name]
    if (!field || given === undefined) continue
    if (!field.many) writeField(writer, field, given)
    else if (typeof field.type === 'string' && WIRE[field.type] !== BYTES)
      writePacked(writer, field, given as unknown[])
    else for (const item of given as unknown[]) writeField(writer, field, item)
  }
}

function writeField(writer: Writer, { number, type }: Field, value: unknown): void {
  if (typeof type === 'string') {
    writer.varint(number * 8 + WIRE[type])
    return writeScalar(writer, type, value)
  }
  const at = writer.open(number * 8 + BYTES)
  writeMessage(writer, type, value as Record<string, unknown>)
  writer.close(at)
}

function writePacked(writer: Writer, { number, type }: Field, values: readonly unknown[]): void {
  if (values.length === 0) return
  const at = writer.open(number * 8 + BYTES)
  for (const value of values) writeScalar(writer, type as FieldType, value)
  writer.close(at)
}

function writeScalar(writer: Writer, type: FieldType, value: unknown): void {
  switch (type) {
    case 'string':
      return writer.text(value as string)
    case 'bytes':
      return writer.hex(value as string)
    case 'bool':
      return writer.varint(value ? 1 : 0)
    case 'enum':
    case 'uint32':
      return writer.varint(value as number)
    case 'int64':
      return writer.varint64(value as string)
    case 'double':
      return writer.double(value as number)
    case 'fixed32':
      return writer.fixed32(value as number)
    case 'fixed64':
      return writer.fixed64(value as string)
  }
}

/** Room for a length is left in front of what it measures: five bytes, which hold any length that fits in memory. */
const LENGTH_BYTES = 5

const TWO_32 = 2 ** 32

export class Writer {
  private buffer: Buffer
  private at = 0

  constructor(bytes = 16 * 1024) {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
  }

  get length(): number {
    return this.at
  }

  done(): Uint8Array {
    return this.buffer.subarray(0, this.at)
  }

  varint(value: number): void {
    this.room(10)
    let rest = value
    while (rest > 0x7f) {
      this.buffer[this.at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.buffer[this.at++] = rest
  }

  /** Negative numbers are written as the 64 bits of their two's complement. */
  varint64(decimal: string): void {
    const value = Number(decimal)
    if (value >= 0 && Number.isSafeInteger(value)) return this.varint(value)
    this.room(10)
    let rest = BigInt.asUintN(64, BigInt(decimal))
    while (rest > 0x7fn) {
      this.buffer[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.buffer[this.at++] = Number(rest)
  }

  double(value: number): void {
    this.room(8)
    this.at = this.buffer.writeDoubleLE(value, this.at)
  }

  fixed32(value: number): void {
    this.room(4)
    const { buffer, at } = this
    buffer[at] = value
    buffer[at + 1] = value >>> 8
    buffer[at + 2] = value >>> 16
    buffer[at + 3] = value >>> 24
    this.at = at + 4
  }

  /** Times in nanoseconds are whole microseconds here: those fit into a double, and are multiplied in two halves, since
   *  BigInt costs as much as all the rest of a span. */
  fixed64(decimal: string): void {
    const short = decimal.length <= 15
    if (!short && !decimal.endsWith('000')) return this.big(BigInt(decimal))
    this.times(Number(short ? decimal : decimal.slice(0, -3)), short ? 1 : 1000)
  }

  /** A time in microseconds since 1970, as OTLP's nanoseconds. */
  microseconds(us: number): void {
    this.times(Math.max(0, Math.round(us)), 1000)
  }

  private times(value: number, times: number): void {
    // Divisions, since the remainder of a double is a call.
    const high = Math.floor(value / TWO_32)
    const low = (value - high * TWO_32) * times
    const carried = Math.floor(low / TWO_32)
    this.fixed32(low - carried * TWO_32)
    this.fixed32(high * times + carried)
  }

  text(value: string): void {
    // Most are short: their length takes one byte, and is known once they are written.
    if (value.length < 42) {
      this.room(1 + value.length * 3)
      const length = this.buffer.write(value, this.at + 1)
      this.buffer[this.at] = length
      this.at += 1 + length
      return
    }
    const length = Buffer.byteLength(value)
    this.varint(length)
    this.room(length)
    this.at += this.buffer.write(value, this.at)
  }

  hex(value: string): void {
    this.varint(value.length / 2)
    this.room(value.length)
    this.at += this.buffer.write(value, this.at, 'hex')
  }

  private big(value: bigint): void {
    this.room(8)
    this.at = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.at)
  }

  /** Begins what has its length in front, which `close` fills in. Gives where that is. */
  open(tag: number): number {
    this.varint(tag)
    this.room(LENGTH_BYTES)
    this.at += LENGTH_BYTES
    return this.at - LENGTH_BYTES
  }

  /** A short one moves up to its length of one byte; what is longer stays, behind a varint of a fixed five bytes. */
  close(lengthAt: number): void {
    let rest = this.at - lengthAt - LENGTH_BYTES
    if (rest < 0x80) {
      this.buffer[lengthAt] = rest
      this.buffer.copyWithin(lengthAt + 1, lengthAt + LENGTH_BYTES, this.at)
      this.at -= LENGTH_BYTES - 1
      return
    }
    for (let i = 0; i < LENGTH_BYTES; i++) {
      this.buffer[lengthAt + i] = (rest % 0x80) | (i < LENGTH_BYTES - 1 ? 0x80 : 0)
      rest = Math.floor(rest / 0x80)
    }
  }

  /** What was written before. */
  bytes(written: Uint8Array): void {
    this.room(written.length)
    this.buffer.set(written, this.at)
    this.at += written.length
  }

  /** Takes back what was written since the length was `to`. */
  cut(to: number): void {
    this.at = to
  }

  /** What was written since the length was `from`, in memory of its own. */
  copy(from: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.buffer, from, this.at)
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + bytes))
    this.buffer.copy(grown, 0, 0, this.at)
    this.buffer = grown
  }
}

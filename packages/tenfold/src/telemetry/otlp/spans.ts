/** Spans as protobuf, written down when their trace ends: what waits to be sent is then bytes, not objects for the garbage
 *  collector to carry along. Says what `tracesRequest` says as JSON; a test compares the two. */
import { createRedactor } from '../redact.ts'
import type { Attributes, AttributeValue } from '../telemetry.ts'
import { anyValue, kindOf, resourceOf, scopeOf, type Sender, spanOf, type SpanOut } from './encode.ts'
import { ATTRIBUTE, RESOURCE, SCOPE, SPAN } from './messages.ts'
import type { Taken, Waiting } from './outbox.ts'
import { writeMessage, Writer } from './protobuf.ts'

// What stands in front of a field: its number in `messages.ts`, and how it is written.
const delimited = (field: number): number => field * 8 + 2
const fixed64 = (field: number): number => field * 8 + 1
const RESOURCE_SPANS = delimited(1)
const SCOPE_SPANS = delimited(2)
const SPANS = delimited(2)
const ATTRIBUTES = delimited(9)

/** The same attributes come again and again: method, route, status. Of each name the first values are kept as bytes; a name
 *  with more values than this (a path with ids in it) is written anew for the others. */
const KEPT_NAMES = 200
const KEPT_VALUES = 200
const KEPT_LENGTH = 64

/** The bytes of one attribute by its value. The latest value is compared first, which needs no hash of it. */
interface Kept {
  latest: AttributeValue
  bytes: Uint8Array
  readonly others: Map<AttributeValue, Uint8Array>
}

interface Batch {
  writer: Writer
  /** Where the lengths of what is around the spans go. */
  lengths: number[]
  spans: number
}

export class SpanBytes implements Waiting<SpanOut> {
  size = 0
  private readonly maxBatch: number
  private readonly sender: Sender
  private readonly full: Batch[] = []
  private batch: Batch | undefined
  private lastBytes = 16 * 1024
  private readonly redactor = createRedactor()
  private readonly kept = new Map<string, Kept>()

  constructor(maxBatch: number, sender: Sender) {
    this.maxBatch = maxBatch
    this.sender = sender
  }

  add(out: SpanOut): boolean {
    const batch = (this.batch ??= this.begin())
    const { writer } = batch
    const from = writer.length
    try {
      this.write(writer, out)
    } catch {
      // Its attributes are an application's own, and may be what cannot be read: half of it must not stay.
      writer.cut(from)
      return false
    }
    this.size++
    if (++batch.spans < this.maxBatch) return true
    this.full.push(batch)
    this.batch = undefined
    return true
  }

  take(): Taken | undefined {
    const batch = this.full.shift() ?? this.batch
    if (!batch) return undefined
    if (batch === this.batch) this.batch = undefined
    const { writer, lengths, spans } = batch
    for (const at of lengths.toReversed()) writer.close(at)
    this.size -= spans
    const body = writer.done()
    this.lastBytes = body.length
    return { size: spans, body: () => body }
  }

  /** A request up to where its spans come. */
  private begin(): Batch {
    const writer = new Writer(Math.max(4096, Math.ceil(this.lastBytes * 1.1)))
    const lengths = [writer.open(RESOURCE_SPANS)]
    writeMessage(writer, RESOURCE, resourceOf(this.sender))
    lengths.push(writer.open(SCOPE_SPANS))
    writeMessage(writer, SCOPE, scopeOf(this.sender))
    return { writer, lengths, spans: 0 }
  }

  private write(writer: Writer, out: SpanOut): void {
    const { span, slow, sampled } = out
    const at = writer.open(SPANS)
    if (span.error !== undefined) {
      const attributes = this.redactor.fields(span.attributes) as Attributes
      writeMessage(writer, SPAN, spanOf({ ...out, span: { ...span, attributes } }))
      return writer.close(at)
    }
    writer.varint(delimited(1))
    writer.hex(span.traceId)
    writer.varint(delimited(2))
    writer.hex(span.spanId)
    if (span.parentId !== undefined) {
      writer.varint(delimited(4))
      writer.hex(span.parentId)
    }
    writer.varint(delimited(5))
    writer.text(span.name)
    writer.varint(6 * 8)
    writer.varint(kindOf(span))
    writer.varint(fixed64(7))
    writer.microseconds(span.startUs)
    writer.varint(fixed64(8))
    writer.microseconds(span.startUs + span.durationUs)
    const { attributes, module } = span
    for (const name in attributes) {
      if (name === KIND || name === MODULE || name === SLOW) continue
      this.attribute(writer, name, attributes[name]!)
    }
    this.attribute(writer, KIND, span.kind)
    const of = module ?? attributes[MODULE]
    if (of !== undefined) this.attribute(writer, MODULE, of)
    if (slow) this.attribute(writer, SLOW, true)
    else if (attributes[SLOW] !== undefined) this.attribute(writer, SLOW, attributes[SLOW])
    writer.varint(16 * 8 + 5)
    writer.fixed32(sampled ? 1 : 0)
    writer.close(at)
  }

  private attribute(writer: Writer, name: string, value: AttributeValue): void {
    const kept = this.kept.get(name)
    if (kept) {
      if (kept.latest === value) return writer.bytes(kept.bytes)
      const known = kept.others.get(value)
      if (known) {
        kept.latest = value
        kept.bytes = known
        return writer.bytes(known)
      }
    }
    const { [name]: redacted } = this.redactor.fields({ [name]: value })
    if (redacted === undefined || redacted === null) return
    const from = writer.length
    const at = writer.open(ATTRIBUTES)
    writeMessage(writer, ATTRIBUTE, { key: name, value: anyValue(redacted) })
    writer.close(at)
    // What held a secret is not kept: it would stay for as long as the process does.
    if (redacted === value && isKept(value) && name.length <= KEPT_LENGTH) this.keep(kept, name, value, writer, from)
  }

  private keep(kept: Kept | undefined, name: string, value: AttributeValue, writer: Writer, from: number): void {
    if (kept ? kept.others.size >= KEPT_VALUES : this.kept.size >= KEPT_NAMES) return
    const bytes = writer.copy(from)
    if (kept) kept.others.set(value, bytes)
    else this.kept.set(name, { latest: value, bytes, others: new Map([[value, bytes]]) })
  }
}

// Attributes that are written last, from what the span itself says.
const KIND = 'tenfold.kind'
const MODULE = 'tenfold.module'
const SLOW = 'tenfold.slow'

function isKept(value: AttributeValue): boolean {
  if (typeof value === 'string') return value.length <= KEPT_LENGTH
  return typeof value === 'boolean' || Number.isInteger(value)
}

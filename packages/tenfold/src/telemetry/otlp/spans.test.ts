import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedactor } from '../redact.ts'
import type { Attributes, SpanKind } from '../telemetry.ts'
import { type SpanOut, tracesRequest } from './encode.ts'
import { REQUESTS } from './messages.ts'
import { encodeProtobuf } from './protobuf.ts'
import { SpanBytes } from './spans.ts'

/** JSON that a test knows the form of. */
type Loose = ReturnType<typeof JSON.parse>

const { default: root } = (await import('@opentelemetry/otlp-transformer/build/src/generated/root.js')) as Loose
const decoder = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest
const SENDER = { resource: { 'service.name': 'shop', 'cloud.region': 'eu' }, version: '1.0.0' }

function decode(bytes: Uint8Array): Loose {
  const body = decoder.toObject(decoder.decode(bytes), { longs: String, bytes: String })
  // The order of attributes says nothing.
  for (const span of body.resourceSpans[0].scopeSpans[0].spans)
    span.attributes = span.attributes.toSorted((a: Loose, b: Loose) => (a.key < b.key ? -1 : 1))
  return body
}

function spanOf(i: number, attributes: Attributes, more: Partial<SpanOut['span']> = {}): SpanOut {
  const kinds: SpanKind[] = ['request', 'query', 'custom', 'enqueue']
  const span = {
    traceId: i.toString(16).padStart(32, 'a'),
    spanId: i.toString(16).padStart(16, 'b'),
    kind: kinds[i % kinds.length]!,
    name: ['GET /orders/:id', 'é'.repeat(41), 'x'.repeat(200), ''][i % 4]!,
    startUs: 1_795_339_689_067_123 + i * 7919,
    durationUs: i * 31,
    attributes,
    ...more,
  }
  return { span, slow: i % 3 === 0, sampled: i % 2 === 0 }
}

const SPANS = [
  spanOf(1, { 'http.request.method': 'GET', 'http.response.status_code': 200, ok: true }),
  spanOf(2, { 'http.request.method': 'GET', 'http.response.status_code': 200, ok: true }, { parentId: '0f'.repeat(8) }),
  spanOf(3, { password: 'hunter2', 'url.path': '/reset?token=abcdef', long: '…'.repeat(300) }, { module: 'orders' }),
  spanOf(4, { n: 1.5, big: 2 ** 60, negative: -1, nothing: Number.NaN, list: [1, 2] as unknown as string }),
  spanOf(5, { 'otel.kind': 'CLIENT', 'tenfold.module': 'of its own', 'tenfold.slow': false, a: 1 }),
  spanOf(6, { a: '1', password: 'hunter2' }, { error: 'broken' }),
  ...Array.from({ length: 600 }, (_, i) => spanOf(i, { 'url.path': `/orders/${i}`, a: i })),
]

test('spans that are written down at once say what the general way says', () => {
  const redactor = createRedactor()
  const redacted = SPANS.map((one) => {
    const attributes = redactor.fields(one.span.attributes) as Attributes
    return { ...one, span: { ...one.span, attributes } }
  })
  const waiting = new SpanBytes(SPANS.length, SENDER)
  for (const span of SPANS) assert.ok(waiting.add(span))
  const taken = waiting.take()!
  assert.equal(taken.size, SPANS.length)
  assert.equal(waiting.size, 0)
  const general = encodeProtobuf(REQUESTS.traces, tracesRequest(redacted, SENDER))
  assert.deepEqual(decode(taken.body() as Uint8Array), decode(general))
})

test('they leave in batches, and one that cannot be written leaves nothing of itself behind', () => {
  const waiting = new SpanBytes(4, SENDER)
  const bad = spanOf(1, { fine: 1 })
  bad.span.name = undefined as unknown as string
  let added = 0
  for (const span of SPANS.slice(0, 5)) {
    assert.ok(waiting.add(span))
    added++
    assert.equal(waiting.add(bad), false)
    assert.equal(waiting.size, added)
  }
  const sizes = [waiting.take(), waiting.take()].map(
    (batch) => decode(batch!.body() as Uint8Array).resourceSpans[0].scopeSpans[0],
  )
  assert.deepEqual(
    sizes.map(({ spans }) => spans.length),
    [4, 1],
  )
  assert.equal(waiting.take(), undefined)
  assert.ok(waiting.add(SPANS[0]!))
  assert.equal(waiting.size, 1)
})

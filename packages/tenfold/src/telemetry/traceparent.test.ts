import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceparent, parseTraceparent } from './traceparent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

test('a traceparent survives the round trip', () => {
  const header = `00-${TRACE}-${SPAN}-01`
  assert.deepEqual(parseTraceparent(header), { traceId: TRACE, spanId: SPAN, flags: 1 })
  assert.equal(formatTraceparent(parseTraceparent(header)!), header)
})

test('a later version with more fields is understood', () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-00-what-comes-later`)?.traceId, TRACE)
})

for (const [why, header] of [
  ['nothing', undefined],
  ['an empty one', ''],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['more fields in version 00', `00-${TRACE}-${SPAN}-01-more`],
  ['a short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['a very long one', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
] as const) {
  test(`${why} starts a new trace`, () => assert.equal(parseTraceparent(header), undefined))
}

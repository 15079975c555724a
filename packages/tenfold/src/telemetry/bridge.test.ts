import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import * as api from '@opentelemetry/api'
import { createTelemetry, joinOpenTelemetry, type Telemetry, type TraceRecord } from './index.ts'

async function joined(t: TestContext): Promise<{ telemetry: Telemetry; traces: TraceRecord[] }> {
  const traces: TraceRecord[] = []
  const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
  telemetry.addSink({ onTrace: (trace) => void traces.push(trace) })
  const leave = await joinOpenTelemetry(telemetry)
  t.after(leave)
  t.after(() => telemetry.close())
  return { telemetry, traces }
}

/** `child < parent` for each span. */
function edges({ spans }: TraceRecord): string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]))
  return spans.map(({ name, parentId }) => `${name} < ${names.get(parentId ?? '') ?? '-'}`).sort()
}

test("a library's spans are children of the request, and our spans within them are their children", async (t) => {
  const { telemetry, traces } = await joined(t)
  const tracer = api.trace.getTracer('some-library')
  await telemetry.root({ kind: 'request', name: 'request' }, async () => {
    await telemetry.span('custom', 'ours', {}, () =>
      tracer.startActiveSpan(
        'theirs',
        { kind: api.SpanKind.CLIENT, attributes: { list: ['a'], n: 1 } },
        async (span) => {
          await after(1)
          telemetry.start('query', 'select').end()
          tracer.startSpan('nested').end()
          span.recordException(new TypeError('no'))
          span.setStatus({ code: api.SpanStatusCode.ERROR, message: 'it broke' })
          span.updateName('theirs, renamed')
          span.end()
        },
      ),
    )
    tracer.startSpan('beside').end()
  })
  assert.deepEqual(edges(traces[0]!), [
    'beside < request',
    'nested < theirs, renamed',
    'ours < request',
    'request < -',
    'select < theirs, renamed',
    'theirs, renamed < ours',
  ])
  const theirs = traces[0]!.spans.find(({ name }) => name === 'theirs, renamed')!
  assert.equal(theirs.error, 'it broke')
  assert.equal(theirs.attributes['otel.kind'], 'CLIENT')
  assert.equal(theirs.attributes['list'], '["a"]')
  assert.equal(theirs.attributes['exception.type'], 'TypeError')
})

test('a context that a library keeps brings its callbacks back into the trace', async (t) => {
  const { telemetry, traces } = await joined(t)
  const key = api.createContextKey('key')
  let callback: () => unknown = () => {}
  await telemetry.root({ kind: 'request', name: 'request' }, async () => {
    const context = api.context.active().setValue(key, 'value')
    callback = api.context.bind(context, () => {
      telemetry.start('query', 'in the callback').end()
      return api.context.active().getValue(key)
    })
    await api.context.with(api.ROOT_CONTEXT, async () => assert.equal(telemetry.current(), undefined))
    assert.equal(await new Promise((resolve) => setTimeout(() => resolve(callback()), 1)), 'value')
  })
  assert.deepEqual(edges(traces[0]!), ['in the callback < request', 'request < -'])
})

test('attributes for the active span go to ours, which only we end', async (t) => {
  const { telemetry, traces } = await joined(t)
  await telemetry.root({ kind: 'request', name: 'request' }, async () => {
    api.trace.getActiveSpan()!.setAttribute('plan', 'pro')
    assert.equal(api.trace.getActiveSpan()!.spanContext().traceId, telemetry.current()!.traceId)
  })
  assert.equal(traces[0]!.spans[0]!.attributes['plan'], 'pro')
})

test('the trace of a header goes on, outside of any request of ours', async (t) => {
  const { traces } = await joined(t)
  const header = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const context = api.propagation.extract(api.ROOT_CONTEXT, { traceparent: header })
  api.trace.getTracer('consumer').startActiveSpan('consume', {}, context, (span) => {
    const carrier: Record<string, string> = {}
    api.propagation.inject(api.context.active(), carrier)
    assert.match(carrier['traceparent']!, /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
    span.end()
  })
  assert.equal(traces[0]!.traceId, '0af7651916cd43dd8448eb211c80319c')
  assert.equal(traces[0]!.spans[0]!.parentId, 'b7ad6b7169203331')
})

test('where another provider is registered, it stays', async (t) => {
  const { telemetry } = await joined(t)
  const other = createTelemetry({ service: 'other', env: 'test', destination: { write() {} } })
  t.after(() => other.close())
  const leave = await joinOpenTelemetry(other)
  leave()
  await telemetry.root({ kind: 'request', name: 'request' }, async () => {
    assert.equal(api.trace.getActiveSpan()!.spanContext().traceId, telemetry.current()!.traceId)
  })
})

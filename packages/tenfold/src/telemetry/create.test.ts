import assert from 'node:assert/strict'
import { setImmediate as immediate, setTimeout as after } from 'node:timers/promises'
import { test } from 'node:test'
import { fakeClock } from '../kernel/index.ts'
import { createTelemetry, type LogRecord, type Telemetry, type TelemetryOptions, type TraceRecord } from './index.ts'

interface Recorded {
  telemetry: Telemetry
  traces: TraceRecord[]
  logs: LogRecord[]
  lines: Record<string, unknown>[]
}

function recorded(options: Partial<TelemetryOptions> = {}): Recorded {
  const [traces, logs, lines]: [TraceRecord[], LogRecord[], Record<string, unknown>[]] = [[], [], []]
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const telemetry = createTelemetry({ service: 'shop', env: 'test', version: '1.2.3', destination, ...options })
  telemetry.addSink({ onTrace: (trace) => void traces.push(trace), onLog: (log) => void logs.push(log) })
  return { telemetry, traces, logs, lines }
}

/** `root > outer > inner` for each span. */
function paths(trace: TraceRecord): string[] {
  const byId = new Map(trace.spans.map((span) => [span.spanId, span]))
  const pathOf = (id: string | undefined): string[] => {
    const span = id === undefined ? undefined : byId.get(id)
    return span ? [...pathOf(span.parentId), span.name] : []
  }
  return trace.spans.map((span) => pathOf(span.spanId).join(' > ')).sort()
}

test('spans have the right parents over await, timers and Promise.all', async () => {
  const { telemetry, traces } = recorded()
  await telemetry.root({ kind: 'request', name: 'root' }, async () => {
    await Promise.all(
      ['a', 'b'].map((name) =>
        telemetry.span('custom', name, {}, async () => {
          await after(name === 'a' ? 5 : 1)
          telemetry.start('query', `${name}-query`).end()
          await telemetry.span('call', `${name}-call`, {}, async () => {
            await immediate()
            telemetry.start('query', `${name}-deep`).end()
          })
        }),
      ),
    )
    await new Promise<void>((resolve) =>
      setTimeout(() => {
        telemetry.start('cache', 'in a timer').end()
        resolve()
      }, 1),
    )
  })
  assert.deepEqual(paths(traces[0]!), [
    'root',
    'root > a',
    'root > a > a-call',
    'root > a > a-call > a-deep',
    'root > a > a-query',
    'root > b',
    'root > b > b-call',
    'root > b > b-call > b-deep',
    'root > b > b-query',
    'root > in a timer',
  ])
  await telemetry.close()
})

test('requests that run at the same time do not see each other', async () => {
  const { telemetry, traces } = recorded()
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      telemetry.root({ kind: 'request', name: `r${i}` }, async (context) => {
        context.userId = `u${i}`
        await after(Math.random() * 5)
        telemetry.start('query', `q${i}`).end()
        assert.equal(telemetry.current()?.userId, `u${i}`)
      }),
    ),
  )
  assert.equal(traces.length, 50)
  for (const trace of traces) {
    assert.equal(trace.userId, trace.name.replace('r', 'u'))
    assert.deepEqual(
      trace.spans.map((span) => span.name),
      [trace.name, trace.name.replace('r', 'q')],
    )
  }
  await telemetry.close()
})

test('a root inside a root is a trace of its own, and the outer one goes on undisturbed', async () => {
  const { telemetry, traces } = recorded()
  await telemetry.root({ kind: 'request', name: 'outer' }, async (outer) => {
    await telemetry.root({ kind: 'job', name: 'inner' }, async (inner) => {
      assert.notEqual(inner.traceId, outer.traceId)
      telemetry.start('query', 'of the job').end()
    })
    telemetry.start('query', 'of the request').end()
  })
  assert.deepEqual(traces.map(paths), [
    ['inner', 'inner > of the job'],
    ['outer', 'outer > of the request'],
  ])
  assert.equal(traces[0]!.spans[0]!.parentId, undefined)
  await telemetry.close()
})

test('a root with a traceparent continues that trace, under the span that sent it', async () => {
  const { telemetry, traces } = recorded()
  let sent: string | undefined
  await telemetry.root({ kind: 'request', name: 'request' }, () =>
    telemetry.span('enqueue', 'enqueue', {}, async () => {
      sent = telemetry.traceparent()
    }),
  )
  await telemetry.root({ kind: 'job', name: 'job', ...(sent && { traceparent: sent }) }, async () => {})
  const [request, job] = traces as [TraceRecord, TraceRecord]
  assert.equal(job.traceId, request.traceId)
  assert.equal(job.spans[0]!.parentId, request.spans.find((span) => span.name === 'enqueue')!.spanId)
  await telemetry.close()
})

test('a failing root rejects with the same error, and its trace says so', async () => {
  const { telemetry, traces } = recorded()
  const failure = new Error('no connection to postgres://shop:hunter2@db/shop')
  await assert.rejects(
    telemetry.root({ kind: 'request', name: 'r' }, () =>
      telemetry.span('custom', 's', {}, async () => {
        throw failure
      }),
    ),
    (error) => error === failure,
  )
  assert.equal(traces.length, 1)
  assert.deepEqual(
    traces[0]!.spans.map((span) => span.error),
    Array(2).fill('no connection to postgres://shop:[redacted]@db/shop'),
  )
  await telemetry.close()
})

test('a root that throws before it returns a promise is recorded too', async () => {
  const { telemetry, traces } = recorded()
  await assert.rejects(
    telemetry.root({ kind: 'task', name: 't' }, () => {
      throw new Error('at once')
    }),
    /at once/,
  )
  assert.equal(traces[0]?.error, 'at once')
  await telemetry.close()
})

test('spans beyond maxSpans and spans that end too late are counted, not kept', async () => {
  const { telemetry, traces } = recorded({ maxSpans: 10 })
  let late: { end(): void } | undefined
  await telemetry.root({ kind: 'request', name: 'r' }, async () => {
    for (let i = 0; i < 25; i++) telemetry.start('query', 'q').end()
    late = telemetry.start('query', 'late')
  })
  late?.end()
  assert.equal(traces[0]!.spans.length, 10)
  assert.equal(traces[0]!.spans[0]!.name, 'r')
  assert.equal(traces[0]!.droppedSpans, 16)
  assert.equal(telemetry.drops().spans, 17)
  await telemetry.close()
})

test('open transactions are counted along one branch of work only', async () => {
  const { telemetry } = recorded()
  await telemetry.root({ kind: 'request', name: 'r' }, async () => {
    await Promise.all([
      telemetry.span('transaction', 't', {}, async () => {
        telemetry.current()!.openTransactions++
        await after(3)
        await telemetry.span('query', 'q', {}, async () => assert.equal(telemetry.current()!.openTransactions, 1))
      }),
      after(1).then(() => assert.equal(telemetry.current()!.openTransactions, 0)),
    ])
    assert.equal(telemetry.current()!.openTransactions, 0)
  })
  await telemetry.close()
})

test('outside of a context recording is a no-op, and the work is done', async () => {
  const { telemetry, traces } = recorded()
  assert.equal(await telemetry.span('query', 'q', {}, async () => 42), 42)
  telemetry.start('query', 'q').end()
  assert.equal(telemetry.current(), undefined)
  assert.equal(telemetry.traceparent(), undefined)
  assert.equal(traces.length, 0)
  await telemetry.close()
})

test('a sink that throws is removed, with one log line; the others and the work go on', async () => {
  const { telemetry, traces, lines } = recorded()
  telemetry.addSink({
    onTrace() {
      throw new Error('broken sink')
    },
  })
  for (let i = 0; i < 3; i++) await telemetry.root({ kind: 'task', name: 't' }, async () => {})
  assert.equal(traces.length, 3)
  assert.equal(lines.filter((line) => line['level'] === 'error').length, 1)
  assert.equal(telemetry.drops().sinks, 1)
  await telemetry.close()
})

test('log lines carry the place where they were written, and what the service is', async () => {
  const clock = fakeClock(1_700_000_000_000)
  const { telemetry, lines, logs } = recorded({ clock })
  telemetry.log.debug('too quiet to be written')
  await telemetry.root({ kind: 'request', name: 'r' }, (context) =>
    telemetry.span('custom', 's', {}, async (span) => {
      telemetry.log.child({ module: 'orders' }).warn('low on stock', { left: 2, level: 'mine' })
      assert.deepEqual(lines[0], {
        level: 'warn',
        time: 1_700_000_000_000,
        service: 'shop',
        version: '1.2.3',
        env: 'test',
        instance: telemetry.instanceId,
        trace_id: context.traceId,
        span_id: span.spanId,
        module: 'orders',
        left: 2,
        level_: 'mine',
        msg: 'low on stock',
      })
    }),
  )
  assert.deepEqual(
    logs.map(({ level, message }) => [level, message]),
    [['warn', 'low on stock']],
  )
  await telemetry.close()
})

test('whatever is logged, logging does not throw', async () => {
  const { telemetry, lines } = recorded()
  const cyclic: Record<string, unknown> = { big: 1n, when: new Date(0), bytes: Buffer.alloc(9), set: new Set([1]) }
  cyclic['self'] = cyclic
  telemetry.log.info('cyclic', cyclic)
  telemetry.log.info('hostile', {
    get bang() {
      throw new Error('getter')
    },
  })
  telemetry.log.info('huge', { rows: Array.from({ length: 100_000 }, (_, i) => ({ i })) })
  assert.equal(lines.length, 3)
  assert.equal(lines[0]!['big'], '1')
  assert.equal(lines[0]!['bytes'], '[9 bytes]')
  assert.ok(JSON.stringify(lines[2]).length < 100_000)
  await telemetry.close()
})

test('two telemetry objects in one process know nothing of each other', async () => {
  const [a, b] = [recorded(), recorded()]
  await a.telemetry.root({ kind: 'request', name: 'r' }, async () => assert.equal(b.telemetry.current(), undefined))
  assert.equal(b.traces.length, 0)
  assert.notEqual(a.telemetry.instanceId, b.telemetry.instanceId)
  await Promise.all([a.telemetry.close(), b.telemetry.close()])
})

test('what waits for the end of a context may log inside of it and add to its trace, and cannot break it', async () => {
  const { telemetry, traces, logs } = recorded()
  await telemetry.root({ kind: 'job', name: 'root' }, async (context) => {
    context.onEnd(() => {
      throw new Error('a fault of the callback')
    })
    context.onEnd((trace) => {
      telemetry.log.warn('noticed')
      trace.findings = [{ code: 'n-plus-one' }]
    })
  })
  assert.deepEqual(traces[0]!.findings, [{ code: 'n-plus-one' }])
  assert.equal(logs[0]!.traceId, traces[0]!.traceId)
})

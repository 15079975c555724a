import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createTelemetry, type TraceRecord } from '../telemetry/index.ts'
import { watchOutgoing } from './watch.ts'

test('outgoing requests become spans with their host and status, and carry the trace along', async () => {
  const headers: (string | undefined)[] = []
  const server = createServer((request, response) => {
    headers.push(request.headers.traceparent as string | undefined)
    response.statusCode = request.url === '/bad' ? 503 : 200
    response.end('x')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const traces: TraceRecord[] = []
  telemetry.addSink({ onTrace: (trace) => void traces.push(trace) })
  const stop = watchOutgoing(telemetry)

  await (await fetch(url)).text()
  assert.deepEqual(headers, [undefined], 'outside of a context nothing is added')
  await telemetry.root({ kind: 'request', name: 'GET /x' }, async () => {
    await (await fetch(`${url}/good`)).text()
    await (await fetch(`${url}/bad`)).text()
    server.closeAllConnections()
    server.close()
    await assert.rejects(fetch(url))
  })
  stop()

  const trace = traces[0]!
  const spans = trace.spans.filter((span) => span.kind === 'outgoing')
  assert.deepEqual(
    spans.map(({ name, error, attributes }) => [
      name.replace(/:\d+$/, ''),
      attributes['http.response.status_code'],
      error !== undefined,
    ]),
    [
      ['GET 127.0.0.1', 200, false],
      ['GET 127.0.0.1', 503, true],
      ['GET 127.0.0.1', undefined, true],
    ],
  )
  assert.match(headers[1]!, new RegExp(`^00-${trace.traceId}-`))
  await telemetry.close()
})

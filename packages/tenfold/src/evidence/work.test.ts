import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpanRecord, TraceRecord } from '../telemetry/index.ts'
import { WorkWatch } from './work.ts'

const span = (kind: SpanRecord['kind'], name: string, at: number, ms: number, attributes = {}): SpanRecord => {
  return { traceId: 't', spanId: 's', kind, name, startUs: at * 1000, durationUs: ms * 1000, attributes }
}
const trace = (ms: number, spans: SpanRecord[], ip = '192.0.2.1'): TraceRecord => ({
  traceId: 't',
  kind: 'request',
  name: 'GET /orders',
  module: 'orders',
  startUs: 0,
  durationUs: ms * 1000,
  droppedSpans: 0,
  spans: [span('request', 'GET /orders', 0, ms, { 'client.address': ip, 'http.response.status_code': 200 }), ...spans],
})

test('a request that got no connection has waited for one', () => {
  const watch = new WorkWatch(100)
  const given = trace(5000, [span('query', 'a', 0, 10)])
  given.spans[0]!.attributes['error.type'] = 'TF_POOL_EXHAUSTED'
  watch.onTrace({ ...given, error: 'no connection came free' })
  const [work] = watch.take().requests
  assert.deepEqual([work!.pool, work!.database, work!.self, work!.errors], [4990, 10, 0, 1])
})

test('the parts of a request add up to it, also when queries run at once', () => {
  const watch = new WorkWatch(100)
  watch.onTrace(
    trace(100, [
      span('query', 'a', 10, 40, { 'tenfold.db.wait_ms': 10 }),
      span('query', 'b', 20, 30, { 'db.response.returned_rows': 7 }),
      span('outgoing', 'GET partner', 60, 20, { 'server.address': 'partner' }),
    ]),
  )
  const [work] = watch.take().requests
  assert.ok(work)
  const { self, pool, database, outgoing, ms, calls, rows, hosts } = work
  // Queries and the wait for them from 0 to 50, the call from 60 to 80: 30 are its own.
  assert.ok(Math.abs(self - 30) < 1e-6, String(self))
  assert.ok(Math.abs(self + pool + database + outgoing - ms) < 1e-6)
  assert.ok(pool > 0 && pool < 10)
  assert.deepEqual([calls, rows, hosts], [2, 7, { partner: [1, 20] }])
})

test('the same statement ten times in one request is noticed', () => {
  const watch = new WorkWatch(100)
  watch.onTrace(
    trace(
      30,
      Array.from({ length: 12 }, (_, i) => span('query', 'a', i * 2, 1)),
    ),
  )
  watch.onTrace(trace(30, [span('query', 'a', 0, 1)]))
  assert.deepEqual(watch.take().requests[0]!.queries, { a: [13, 13, 0, 1, 12] })
})

test('the runs of a cron are told apart from other jobs', () => {
  const watch = new WorkWatch(100)
  for (const name of ['cron:orders.expire', 'orders.mail'])
    watch.onTrace({ ...trace(300, []), kind: 'job', name, startUs: 5_000_000 })
  const { crons, jobs } = watch.take()
  assert.deepEqual(crons, [{ name: 'orders.expire', at: 5000, ms: 300 }])
  assert.deepEqual(
    jobs.map(({ name }) => name),
    ['cron:orders.expire', 'orders.mail'],
  )
})

test('of an answer in pieces, what counts is how long its user waits for the first', () => {
  const watch = new WorkWatch(100)
  const live = trace(300_000, [
    span('query', 'a', 5, 10, { 'db.response.returned_rows': 3 }),
    span('outgoing', 'GET partner', 16, 4000, { 'server.address': 'partner' }),
    span('query', 'b', 200_000, 4000, { 'tenfold.db.wait_ms': 20, 'db.response.returned_rows': 90 }),
    span('outgoing', 'GET other', 210_000, 4000, { 'server.address': 'other' }),
  ])
  live.spans[0]!.attributes['tenfold.http.first_piece_ms'] = 20
  watch.onTrace(live)
  const { requests, seconds } = watch.take()
  const [work] = requests
  const { ms, self, pool, database, outgoing, calls, rows, hosts, queries } = work!
  assert.deepEqual([ms, database, outgoing, pool, self], [20, 10, 4, 0, 6])
  assert.deepEqual([calls, rows, queries, hosts], [1, 3, { a: [1, 10, 3, 0, 1] }, { partner: [1, 4] }])
  assert.equal(seconds[0]![3], 0, 'not slower than promised')
})

test('of clients only the share of the most frequent leaves', () => {
  const watch = new WorkWatch(100)
  for (let i = 0; i < 3; i++) watch.onTrace(trace(1, [], '192.0.2.7'))
  watch.onTrace(trace(1, [], '192.0.2.8'))
  const slot = watch.take()
  assert.equal(slot.topClientShare, 0.75)
  assert.doesNotMatch(JSON.stringify(slot), /192\.0/)
})

test('names and statements without end are folded', () => {
  const watch = new WorkWatch(100)
  for (let i = 0; i < 400; i++) watch.onTrace({ ...trace(1, [span('query', `q${i}`, 0, 1)]), name: `GET /${i}` })
  for (let i = 0; i < 50; i++) watch.onTrace(trace(1, [span('query', `q${i}`, 0, 1)]))
  const { requests } = watch.take()
  assert.ok(requests.length <= 151)
  assert.ok(requests.every(({ queries }) => Object.keys(queries).length <= 13))
  assert.equal(
    requests.reduce((sum, { count }) => sum + count, 0),
    450,
  )
})

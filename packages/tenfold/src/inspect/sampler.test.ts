import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TraceRecord } from '../telemetry/index.ts'
import { LogLinear } from '../telemetry/index.ts'
import { Sampler } from './sampler.ts'

const options = { slowMs: 1000, perName: 5, ordinary: 100, maxWaiting: 50, maxSpans: 1000 }

function trace(name: string, durationMs: number, more: Partial<TraceRecord> = {}): TraceRecord {
  const [startUs, durationUs] = [1, durationMs * 1000]
  const root = { traceId: 't', spanId: 's', kind: 'request' as const, name, startUs, durationUs, attributes: {} }
  return { traceId: 't', kind: 'request', name, startUs, durationUs, spans: [root], droppedSpans: 0, ...more }
}

test('the sample is even: late traces are as likely to be kept as early ones', () => {
  const kept: number[] = []
  for (let round = 0; round < 400; round++) {
    const sampler = new Sampler(options)
    for (let i = 0; i < 100; i++) sampler.offer(trace('r', 1, { startUs: i }))
    const taken = sampler.take()
    assert.equal(taken.length, 5)
    kept.push(...taken.map(({ startUs }) => startUs))
  }
  const late = kept.filter((i) => i >= 50).length / kept.length
  assert.ok(Math.abs(late - 0.5) < 0.06, `${late} of them were of the second half`)
})

test('many routes share the places, and each keeps at least one', () => {
  const sampler = new Sampler(options)
  for (let i = 0; i < 20; i++) for (let route = 0; route < 200; route++) sampler.offer(trace(`r${route}`, 1))
  const taken = sampler.take()
  assert.equal(new Set(taken.map(({ name }) => name)).size, 200)
  assert.ok(taken.length <= 200)
})

test('slower than 99 % of its kind a minute ago is kept beside the sample', () => {
  const sampler = new Sampler({ ...options, perName: 2 })
  const durations = new LogLinear()
  for (let i = 1; i <= 1000; i++) durations.record(i / 10)
  sampler.learn([{ timeMs: 0, kind: 'request', module: '', name: 'r', errors: 0, inner: 0, durations }])
  for (let i = 0; i < 100; i++) sampler.offer(trace('r', 50))
  for (let i = 0; i < 10; i++) sampler.offer(trace('r', 150))
  const taken = sampler.take()
  assert.ok(taken.filter(({ durationUs }) => durationUs === 150_000).length >= 2)
  assert.ok(taken.length <= 4)
})

test('errors and slow ones beyond the bound are counted, and large traces count for what they hold', () => {
  const sampler = new Sampler(options)
  for (let i = 0; i < 60; i++) sampler.offer(trace('r', 2000))
  assert.equal(sampler.dropped, 10)
  assert.equal(sampler.take().length, 50)
  const large = trace('r', 2000)
  large.spans = Array(400).fill(large.spans[0]) as TraceRecord['spans']
  for (let i = 0; i < 3; i++) sampler.offer(large)
  assert.equal(sampler.dropped, 11)
})

test('what could not be stored is offered again, the ordinary ones are let go', () => {
  const sampler = new Sampler(options)
  sampler.putBack([trace('r', 1), trace('r', 2000), trace('r', 1, { error: 'x' })])
  assert.equal(sampler.take().length, 2)
})

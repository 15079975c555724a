import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Demands } from './plan.ts'
import { predict } from './predict.ts'
import { DEFAULT_PRICES } from './prices.ts'
import { cheapest, curveOf, mostAt, type Settings } from './search.ts'
import { answer, needs, wordsOfAnswer } from './words.ts'

const demands: Demands = {
  version: 1,
  source: 'a test',
  rate: 10,
  peakRate: 20,
  seconds: 3600,
  classes: [
    {
      name: 'GET /items',
      kind: 'request',
      share: 0.9,
      appCpu: 0.001,
      databaseCpu: 0.0008,
      databaseOther: 0.001,
      queries: 2,
      reads: 1,
      outside: 0,
      cv2: 0.5,
    },
    {
      name: 'POST /orders',
      kind: 'request',
      share: 0.1,
      appCpu: 0.003,
      databaseCpu: 0.002,
      databaseOther: 0.004,
      queries: 6,
      reads: 0.2,
      outside: 0.01,
      cv2: 0.5,
    },
    {
      name: 'mail.send',
      kind: 'job',
      share: 0.1,
      appCpu: 0.002,
      databaseCpu: 0.0005,
      databaseOther: 0.001,
      queries: 3,
      reads: 0,
      outside: 0.2,
      cv2: 1,
    },
  ],
  uncertainty: { app: 1.2, database: 1.3 },
  unknown: ['not measured: disk writes'],
}
const settings: Settings = {
  prices: DEFAULT_PRICES,
  goal: { p95: 0.2, utilization: 0.7 },
  pool: 10,
  maxConnections: 200,
  networkMs: 0.5,
}

test('a small load is done by one small machine, and nothing dearer is advised', () => {
  const { topology, price, prediction } = cheapest(demands, 50, settings)!
  assert.deepEqual([topology.stage, topology.app.cores, price], [1, 2, 15])
  assert.ok(prediction.p95 < 0.2 && prediction.utilization[0]!.value < 0.7)
})

test('more load never costs less, never goes back a step, and always meets the goal', () => {
  const curve = curveOf(demands, 0.01, settings)
  let [price, stage] = [0, 0]
  for (const { rate, choice } of curve) {
    if (!choice) continue
    assert.ok(choice.price >= price && choice.topology.stage >= stage, `at ${rate}: ${choice.topology.name}`)
    assert.ok(choice.prediction.p95 <= 0.2 && choice.prediction.throughput === rate)
    ;[price, stage] = [choice.price, choice.topology.stage]
  }
  assert.equal(curve[0]!.users, 100)
  assert.equal(curve.at(-1)!.users, 10_000_000)
})

test('steps are needed in the order of the ladder, and what writes too much for one primary is said', () => {
  const found = needs(demands, settings)
  assert.deepEqual(
    found.map(({ stage }) => stage),
    found.map(({ stage }) => stage).toSorted((a, b) => a - b),
  )
  assert.ok(found.every(({ from }, i) => i === 0 || from > found[i - 1]!.from))
  assert.equal(found.at(-1)!.stage, 6)
  assert.ok(mostAt(demands, settings, 1) < mostAt(demands, settings, 4))
  const never = answer(demands, 1e6, settings)
  assert.equal(never.choice, undefined)
  assert.match(wordsOfAnswer(never, settings).join(' '), /step 6/)
})

test('an answer has an interval, and names what nobody measured', () => {
  const { choice, worst, best, capacity, unknown } = answer(demands, 2000, settings)
  assert.ok(best!.price <= choice!.price && choice!.price <= worst!.price)
  assert.ok(capacity!.low < capacity!.value && capacity!.value < capacity!.high)
  assert.ok(
    unknown.some((line) => line.startsWith('not measured')) && unknown.some((line) => line.startsWith('assumed')),
  )
})

const topology = cheapest(demands, 2000, settings)!.topology

test('past the capacity there is no percentile, and the throughput is the capacity', () => {
  const { capacity } = predict(demands, topology, 1)
  const past = predict(demands, topology, capacity * 2)
  assert.deepEqual([past.throughput, past.p95, past.mean], [capacity, Infinity, Infinity])
})

test('what goes on without a request takes its part of the cores, and fills them', () => {
  const shape = { ...topology, together: false, app: { instances: 8, machines: 1, cores: 4 } }
  const coresOf = (appCpu: number): { value: number; capacity: number } => {
    const { utilization, capacity } = predict({ ...demands, background: { appCpu, databaseCpu: 0 } }, shape, 100)
    return { value: utilization.find(({ of }) => of === 'app cores')!.value, capacity }
  }
  const [alone, beside] = [coresOf(0), coresOf(2)]
  assert.ok(Math.abs(beside.value - alone.value - 0.5) < 1e-9, `${alone.value} ${beside.value}`)
  assert.ok(beside.capacity <= alone.capacity)
  assert.ok(coresOf(4).value >= 1)
})

test('each remedy helps where it should: replicas and caches reads, a larger pool who waits for it', () => {
  const database = { cores: 2, replicas: 0 }
  const small = { ...topology, together: false, database, app: { instances: 16, machines: 4, cores: 4 } }
  const most = (change: Partial<typeof topology>) => predict(demands, { ...small, ...change }, 1).capacity
  assert.ok(most({ database: { cores: 2, replicas: 2 } }) > most({}) * 1.5)
  assert.ok(most({ cacheHit: 0.8 }) > most({}) * 1.5)
  const narrow = { ...small, database: { cores: 16, replicas: 0 }, pool: 1, pooler: 1 }
  assert.equal(predict(demands, narrow, 1).utilization[0]!.of, 'connection pool')
  assert.ok(predict(demands, { ...narrow, pooler: 20 }, 1).capacity > predict(demands, narrow, 1).capacity * 2)
  const far = predict(demands, { ...small, networkMs: 10 }, 100)
  assert.ok(far.mean > predict(demands, { ...small, networkMs: 0 }, 100).mean + 0.02)
})

/** Evidence that is made by hand: the recording of a healthy app, with the signs of one fault in it; and the traps, in which
 *  a symptom is louder than its cause. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evidence } from '../evidence/index.ts'
import { advise, adviceOf, describeFinding, outcomeOf, viewOf, type FindingCode, type Verdict } from './index.ts'
import { evidenceWith, HEALTHY, type Signs } from './testing/signs.ts'
import { describeOutcome } from './words/index.ts'

const judged = (signs: Signs): Verdict => advise(evidenceWith(signs))
const POOL_FULL = { pool: { max: 20, used: 20, waiting: 30, opened: 0 } }
const QUERY = { query: 'select "id" from "orders" where "owner" = $1', module: 'orders' }
const READ: Signs = {
  routes: [
    {
      p95: 900,
      ms: 270_000,
      pool: 230_000,
      database: 38_000,
      queries: [
        {
          query: 'select * from "orders" where "id" = ?',
          calls: 3000,
          ms: 37_000,
          rows: 3000,
          repeated: 0,
          mostInOne: 1,
        },
      ],
    },
  ],
  process: POOL_FULL,
  active: { cpu: 4.5 },
  host: { busy: 1, postgres: 1.7, app: 0.1 },
  database: {
    queries: [
      {
        query: 'select * from "orders" where "id" = $1',
        module: 'orders',
        calls: 3000,
        ms: 14_000,
        rows: 3000,
        blocks: 24_000,
        scans: [],
      },
    ],
  },
}
const ASKED = {
  query: 'select * from "orders" where "id" = ?',
  calls: 3000,
  again: 0,
  top: 0,
  beside: 900,
  mostAtOnce: 9,
}
const queue = (signs: Partial<Evidence['queue']>): Partial<Evidence> => ({
  queue: { ...HEALTHY.queue, ...signs },
})

const REPORT = {
  query: 'select sum(total) from orders where at > $1',
  module: 'orders',
  calls: 100,
  ms: 25_500,
  rows: 100,
  blocks: 900,
}
const REPORT_ASKED = {
  query: 'select sum(total) from orders where at > ?',
  calls: 100,
  ms: 26_000,
  rows: 100,
  repeated: 0,
  mostInOne: 1,
}

const FAULTS: Record<FindingCode, Signs> = {
  'n-plus-one': {
    routes: [
      {
        p95: 900,
        ms: 90_000,
        database: 85_000,
        calls: 123_000,
        queries: [
          { query: 'select ? from item', calls: 120_000, ms: 80_000, rows: 120_000, repeated: 3000, mostInOne: 40 },
        ],
      },
    ],
  },
  'missing-index': {
    routes: [
      {
        p95: 900,
        queries: [
          {
            query: 'select "id" from "orders" where "owner" = ?',
            calls: 3000,
            ms: 25_000,
            rows: 9000,
            repeated: 0,
            mostInOne: 1,
          },
        ],
      },
    ],
    database: {
      queries: [
        {
          ...QUERY,
          calls: 3000,
          ms: 14_000,
          rows: 9000,
          blocks: 9_000_000,
          scans: [{ table: 'orders', schema: 'orders', columns: ['owner'], rows: 400_000, pages: 3000 }],
        },
      ],
    },
  },
  'slow-call': {
    routes: [
      { p95: 900, ms: 90_000, outgoing: 85_000, database: 2000, hosts: [{ host: 'bank', count: 3000, ms: 85_000 }] },
    ],
  },
  'lock-contention': {
    routes: [{ p95: 900, ms: 90_000, pool: 60_000, database: 28_000 }],
    process: POOL_FULL,
    active: { lock: 6.5, cpu: 0.1 },
    database: { blockers: [{ waiting: 60, waitingQuery: 'update a', holderQuery: 'update a', holderState: 'active' }] },
  },
  'long-transaction': {
    routes: [{ p95: 900, ms: 90_000, pool: 60_000, database: 28_000 }],
    active: { lock: 6.5, idleInTransaction: 1 },
    database: {
      longestTransactionMs: 9000,
      blockers: [
        { waiting: 60, waitingQuery: 'update a', holderQuery: 'update a', holderState: 'idle in transaction' },
      ],
    },
  },
  'over-fetch': {
    routes: [
      {
        p95: 900,
        queries: [{ query: 'select ?', calls: 3000, ms: 26_000, rows: 12_000_000, repeated: 0, mostInOne: 1 }],
      },
    ],
    process: { loop: 0.92, cpu: 0.92 },
  },
  'event-loop-stalls': {
    wait: 400,
    routes: [{ p95: 300 }, { name: 'GET /report', count: 60, self: 30_000, ms: 30_000, database: 0, calls: 0 }],
    process: { stalled: 0.48, longestStall: 500, loop: 0.6, cpu: 0.6 },
  },
  'cpu-bound-route': {
    wait: 300,
    routes: [{ p95: 60 }, { name: 'GET /pdf', count: 1500, self: 40_000, ms: 40_000, database: 0, calls: 0, p95: 200 }],
    process: { loop: 0.97, cpu: 0.97 },
  },
  'event-loop-full': {
    wait: 300,
    routes: [
      { p95: 60, self: 20_000 },
      { name: 'GET /b', self: 20_000 },
      { name: 'GET /c', self: 20_000 },
    ],
    process: { loop: 0.97, cpu: 0.97 },
  },
  'cache-stampede': {
    p95: 1200,
    routes: [
      {
        p95: 1200,
        ms: 300_000,
        pool: 60_000,
        database: 230_000,
        calls: 700,
        queries: [
          { query: 'select sum(?) from orders', calls: 700, ms: 228_000, rows: 700, repeated: 0, mostInOne: 1 },
        ],
      },
    ],
    process: POOL_FULL,
    active: { cpu: 5 },
    host: { busy: 1, postgres: 1.7, app: 0.1 },
    database: {
      queries: [
        { query: 'select sum($1) from orders', module: 'orders', calls: 700, ms: 14_000, rows: 700, blocks: 700 },
      ],
    },
    whole: {
      asked: [{ query: 'select sum(?) from orders', calls: 700, again: 690, top: 700, beside: 650, mostAtOnce: 30 }],
    },
  },
  'repeated-reads': { ...READ, whole: { asked: [{ ...ASKED, again: 2700, top: 120 }] } },
  'hot-key': { ...READ, whole: { asked: [{ ...ASKED, again: 2500, top: 2000 }] } },
  'noisy-client': {
    wait: 300,
    routes: [
      { p95: 60, self: 20_000 },
      { name: 'GET /b', self: 20_000 },
      { name: 'GET /c', self: 20_000 },
    ],
    process: { loop: 0.97, cpu: 0.97 },
    traffic: { topClientShare: 0.8, clients: { seen: 30, topTime: 0.8 } },
  },
  'needs-redis': {
    routes: [{ p95: 900, ms: 270_000, pool: 230_000, database: 38_000 }],
    process: POOL_FULL,
    active: { cpu: 4.5 },
    host: { busy: 1, postgres: 1.7, app: 0.1 },
    database: {
      seen: { client: 27_000, server: 15_000, calls: 6000 },
      platform: { sessions: 30_000, limits: 12_000, cache: 0, jobs: 200, other: 100 },
    },
    configuration: { instances: 3 },
  },
  'large-table': {
    routes: [{ p95: 900, ms: 90_000, database: 85_000 }],
    active: { io: 0.8 },
    database: {
      readFromDisk: 0.3,
      seen: { client: 85_000, server: 80_000, calls: 6000 },
      queries: [
        {
          query: 'select * from event where at > $1',
          module: 'orders',
          calls: 900,
          ms: 70_000,
          rows: 90_000,
          blocks: 200_000,
          scans: [],
        },
      ],
      tables: [
        {
          name: 'orders.event',
          rows: 2e8,
          dead: 0,
          bytes: 60e9,
          scans: 0,
          rowsScanned: 0,
          writes: 9000,
          inserts: 8000,
          deletes: 1000,
        },
      ],
    },
  },
  'module-crowds-out': {
    wait: 300,
    routes: [
      { p95: 400, self: 20_000 },
      { name: 'GET /thumb', module: 'media', count: 200, self: 40_000, ms: 40_000 },
      { name: 'GET /crop', module: 'media', count: 200, self: 40_000, ms: 40_000 },
      { name: 'GET /scale', module: 'media', count: 200, self: 40_000, ms: 40_000 },
    ],
    process: { loop: 0.97, cpu: 0.97 },
    configuration: { instances: 6 },
  },
  'costly-query': {
    routes: [{ p95: 900, queries: [REPORT_ASKED] }],
    active: { cpu: 0.5 },
    database: { seen: { client: 27_000, server: 26_000, calls: 300 }, queries: [REPORT] },
  },
  'route-fails': { p95: 20, routes: [{ errors: 300 }], traffic: { errors: 300 } },
  'unseen-wait': { routes: [{ p95: 900, ms: 900_000, self: 890_000, database: 9000 }] },
  'database-taken': {
    active: { cpu: 4 },
    host: { busy: 1, postgres: 1.8, app: 0.1 },
    database: { others: { working: 3.5, query: 'select count(*) from everything' } },
  },
  'heap-full': {
    wait: 300,
    routes: [
      { p95: 60, self: 20_000 },
      { name: 'GET /b', self: 20_000 },
      { name: 'GET /c', self: 20_000 },
    ],
    process: { loop: 0.95, cpu: 0.97, gc: 0.5, heapBytes: 230e6, heapLimit: 256e6 },
  },
  'jobs-stand-still': {
    p95: 20,
    routes: [{}],
    whole: queue({ finished: 0, arrived: 600, busyMs: 0, depthBefore: 0, depthAfter: 600, failed: 0, running: 0 }),
  },
  'poison-job': {
    p95: 20,
    routes: [{}],
    jobs: [{ count: 500, errors: 480, ms: 60_000 }],
    whole: queue({ finished: 500, failed: 480, busyMs: 70_000, arrived: 500 }),
  },
  'too-few-workers': {
    p95: 20,
    routes: [{}],
    jobs: [{ count: 1000, ms: 580_000, self: 580_000 }],
    whole: queue({ finished: 1000, arrived: 2000, busyMs: 580_000, depthBefore: 0, depthAfter: 1000, failed: 0 }),
  },
  'memory-grows': { p95: 20, routes: [{}], process: { heapGrowth: 3e6, heapBytes: 300e6, heapLimit: 2e9 } },
  'connect-per-request': {
    routes: [{ p95: 900, self: 80_000, ms: 90_000 }],
    database: { opened: 2900 },
  },
  'too-many-connections': { p95: 20, routes: [{}], database: { connections: 95, own: 90, maxConnections: 100 } },
  'pool-too-small': {
    routes: [{ p95: 900, ms: 270_000, pool: 240_000 }],
    process: { pool: { max: 3, used: 3, waiting: 30, opened: 0 } },
    database: { seen: { client: 27_000, server: 25_000, calls: 6000 } },
  },
  'dead-rows': {
    database: {
      queries: [
        {
          query: 'select sum("n") from "churn"',
          module: 'orders',
          calls: 3000,
          ms: 14_000,
          rows: 3000,
          blocks: 900_000,
          scans: [],
        },
      ],
      tables: [
        { name: 'orders.churn', rows: 300, dead: 200_000, bytes: 9e6, scans: 3000, rowsScanned: 9e5, writes: 0 },
      ],
    },
  },
  'cron-interferes': {
    whole: {
      crons: [
        { name: 'orders.sum', runs: [10, 30, 50].map((s) => ({ at: HEALTHY.window.from + s * 1000, ms: 4000 })) },
      ],
      window: { ...HEALTHY.window, to: HEALTHY.window.from + 60_000, seconds: 60 },
    },
  },
  'database-far': {
    routes: [{ p95: 200, ms: 270_000, database: 260_000 }],
    database: { seen: { client: 260_000, server: 600, calls: 6000 } },
  },
  'low-hit-ratio': {
    whole: { caches: [{ name: 'orders.rare', hits: 20, misses: 3000, loads: 3000, evictions: 0 }] },
  },
  'database-shares-host': { host: { busy: 1, app: 0.95, postgres: 0.95, other: 0.1 } },
  'database-cpu': {
    routes: [{ p95: 900, ms: 270_000, pool: 230_000, database: 38_000 }],
    process: POOL_FULL,
    active: { cpu: 4.5 },
    host: { busy: 1, postgres: 1.7, app: 0.1 },
    database: {
      queries: [{ ...QUERY, calls: 6000, ms: 15_000, rows: 6000, blocks: 24_000, scans: [] }],
    },
  },
  'disk-bound': { active: { io: 3, commit: 4 }, database: { readFromDisk: 0.2 } },
  'replica-lags': { p95: 20, routes: [{}], database: { replicas: [{ name: 'replica-1', lagMs: 60_000 }] } },
  'host-is-busy': { host: { busy: 1, other: 1.7 } },
}

for (const [code, signs] of Object.entries(FAULTS) as [FindingCode, Signs][]) {
  test(`${code} is named`, () => {
    const evidence = evidenceWith(signs)
    if (code === 'cron-interferes') evidence.traffic.seconds = seconds(evidence.window.from)
    const verdict = advise(evidence)
    assert.equal(verdict.bottleneck?.code, code, JSON.stringify(verdict.findings.map((one) => [one.code, one.share])))
    const words = describeFinding(verdict.bottleneck)
    assert.doesNotMatch(JSON.stringify(words), /undefined|NaN|Infinity/)
    assert.ok(words.step.text.length > 5 && words.step.wayBack.length > 5)
  })
}

/** Slow while the cron runs: from 10, 30 and 50 s on, for 4 s each. */
function seconds(from: number): Evidence['traffic']['seconds'] {
  return Array.from({ length: 60 }, (_, s) => {
    const inside = [10, 30, 50].some((start) => s >= start && s < start + 4)
    return [from + s * 1000, 50, 50 * (inside ? 400 : 12 + (s % 5)), inside ? 45 : 0]
  })
}

for (const [code, signs] of Object.entries(FAULTS) as [FindingCode, Signs][]) {
  test(`once ${code} is gone, what was predicted of it is compared`, () => {
    const sick = evidenceWith(signs)
    if (code === 'cron-interferes') sick.traffic.seconds = seconds(sick.window.from)
    const advice = adviceOf(advise(sick))
    if (code === 'host-is-busy') return assert.equal(advice, undefined)
    // The same routes and jobs, quick.
    const well = evidenceWith({
      p95: 5,
      routes: sick.routes.map(({ name, module }) => ({ name, module, p95: 5 })),
      jobs: sick.jobs.map(({ name }) => ({ name, errors: 0, p95: 5 })),
    })
    const outcome = outcomeOf(advice!, well, advise(well))
    assert.equal(outcome?.cameTrue, true, JSON.stringify([advice, outcome]))
    assert.doesNotMatch(describeOutcome(outcome), /undefined|NaN/)
    assert.equal(outcomeOf(advice!, sick, advise(sick)), undefined, 'as long as it is there')
  })
}

/** What looks like one of them and is something else. */
const TRAPS: Partial<Record<FindingCode, Signs>> = {
  // A query that each request needs, asked by many: a stampede has pauses.
  'cache-stampede': { ...READ, whole: { asked: [{ ...ASKED, again: 2700, top: 120, beside: 2900, mostAtOnce: 20 }] } },
  // Each asks for something else.
  'repeated-reads': { ...READ, whole: { asked: [{ ...ASKED, again: 300, top: 12 }] } },
  'hot-key': { ...READ, whole: { asked: [{ ...ASKED, again: 2700, top: 120 }] } },
  // One client of two; one of thirty that asks no more than they do.
  'noisy-client': { ...FAULTS['noisy-client'], traffic: { topClientShare: 0.8, clients: { seen: 2, topTime: 0.8 } } },
  // One instance shares with nobody.
  'needs-redis': { ...FAULTS['needs-redis'], configuration: { instances: 1 } },
  // All of it is in memory.
  'large-table': { ...FAULTS['large-table'], database: { ...FAULTS['large-table'].database, readFromDisk: 0.001 } },
  // A second one would do.
  'module-crowds-out': { ...FAULTS['module-crowds-out'], configuration: { instances: 1 } },
}
for (const [code, signs] of Object.entries(TRAPS) as [FindingCode, Signs][]) {
  test(`what only looks like ${code} is not called that`, () => {
    assert.ok(!judged(signs).findings.some((one) => one.code === code))
  })
}

test('quick statements that pile up behind a late event loop are no stampede', () => {
  const { findings } = judged({
    ...FAULTS['cache-stampede'],
    database: {
      queries: [{ query: 'select sum($1) from orders', module: 'orders', calls: 700, ms: 14, rows: 700, blocks: 700 }],
    },
  })
  assert.ok(!findings.some(({ code }) => code === 'cache-stampede'))
})

test('rows that are written as often as they are read are not worth keeping', () => {
  const written = { name: 'orders.orders', rows: 400_000, dead: 0, bytes: 9e7, scans: 0, rowsScanned: 0, writes: 2000 }
  const { findings } = judged({
    ...FAULTS['repeated-reads'],
    database: { ...READ.database, tables: [written] },
  })
  assert.ok(!findings.some(({ code }) => code === 'repeated-reads'))
})

/** Of a minute in slots of a second: so many requests, and their p95, at that second. */
const slots = (of: (second: number) => [requests: number, p95: number]): Evidence['traffic']['slots'] =>
  Array.from({ length: 60 }, (_, s) => {
    const [requests, p95] = of(s)
    return { at: s * 1000, requests, errors: p95 > 150 ? 5 : 0, p95 }
  })

test('a spike that has passed asks for nothing, whatever was full meanwhile', () => {
  const spike = slots((s) => (s >= 30 && s < 36 ? [250, 1800] : [50, 20]))
  const verdict = judged({
    ...FAULTS['event-loop-full'],
    process: { loop: 0.4, cpu: 0.4 },
    traffic: { slots: spike, errors: 30, shed: 200 },
  })
  assert.deepEqual(verdict.next, { kind: 'nothing', why: 'a spike has passed', seconds: 6, times: 5 })
  assert.equal(verdict.state, 'healthy')
  assert.equal(verdict.felt.p95, 20)
  assert.match(
    viewOf(verdict).next,
    /^Do nothing: 6 seconds with 5\.0 times the usual requests were slow, and that has passed;/,
  )
})

test('a few deadlocks beside another cause do not hide it', () => {
  for (const code of ['missing-index', 'pool-too-small', 'database-cpu'] as const) {
    const signs = FAULTS[code]
    const verdict = judged({ ...signs, database: { ...signs.database, deadlocks: 3 } })
    assert.equal(verdict.bottleneck?.code, code)
  }
  const hour = { window: { ...HEALTHY.window, seconds: 3600 } }
  const { findings } = judged({ ...FAULTS['database-cpu'], database: { deadlocks: 20 }, whole: hour })
  assert.ok(!findings.some(({ code }) => code === 'lock-contention'))
})

test('what is slow without more requests, again and again, or still, is no spike', () => {
  for (const slow of [
    slots((s) => (s >= 30 && s < 36 ? [50, 1800] : [50, 20])),
    slots((s) => (s % 20 < 4 ? [250, 1800] : [50, 20])),
    slots((s) => (s >= 50 ? [250, 1800] : [50, 20])),
  ]) {
    const verdict = judged({ ...FAULTS['event-loop-full'], traffic: { slots: slow } })
    assert.equal(verdict.next.kind, 'step')
  }
})

test('many who try again because it fails are no spike', () => {
  const failing = slots((s) => (s >= 30 && s < 36 ? [250, 1800] : [50, 20])).map((slot) => ({
    ...slot,
    errors: slot.p95 > 150 ? 60 : 0,
  }))
  const verdict = judged({
    ...FAULTS['event-loop-full'],
    process: { loop: 0.4, cpu: 0.4 },
    traffic: { slots: failing, errors: 360 },
  })
  assert.equal(verdict.state, 'harmed')
})

test('an app with none of these signs is let alone', () => {
  const verdict = judged({ p95: 20, routes: [{}] })
  assert.deepEqual([verdict.state, verdict.next], ['healthy', { kind: 'nothing', why: 'healthy' }])
  assert.deepEqual(verdict.findings, [])
})

test('a full pool before a full database is the database, and a larger pool is not advised', () => {
  const { findings } = judged(FAULTS['database-cpu'])
  assert.ok(!findings.some(({ code }) => code === 'pool-too-small'))
})

test('rows that are locked for as long as a commit waits for the disk are the disk', () => {
  const [waitingQuery, holderQuery] = ['update a', 'update b']
  const verdict = judged({
    ...FAULTS['lock-contention'],
    active: { lock: 7, commit: 5, cpu: 1 },
    database: {
      blockers: [
        { waiting: 40, waitingQuery, holderQuery, holderState: 'committing' },
        { waiting: 20, waitingQuery, holderQuery, holderState: 'active' },
      ],
    },
  })
  assert.equal(verdict.bottleneck?.code, 'disk-bound')
})

test('the way to the database is told by the shortest question, also on a machine that others take', () => {
  const far = { ...FAULTS['database-far'], host: { busy: 1, other: 1.7 } }
  const way = (roundTripMs: number): Verdict => judged({ ...far, database: { ...far.database, roundTripMs } })
  assert.equal(way(40).bottleneck?.code, 'database-far')
  assert.equal(way(40).bottleneck?.confidence, 'high')
  assert.equal(way(9).bottleneck?.code, 'host-is-busy')
  assert.ok(!way(0.4).findings.some(({ code }) => code === 'database-far'))
})

test('an event loop that is late makes each answer late, also the shortest: that is no way', () => {
  const signs: Signs = { ...FAULTS['database-far'], process: { loop: 0.99, cpu: 0.5 }, wait: 130 }
  const { findings } = judged({ ...signs, database: { ...signs.database, roundTripMs: 32 } })
  assert.ok(!findings.some(({ code }) => code === 'database-far'))
})

test('jobs that fail again and again are named also on a machine that others take', () => {
  const verdict = judged({ ...FAULTS['poison-job'], p95: 900, routes: [{ p95: 900 }], host: { busy: 1, other: 1.7 } })
  assert.equal(verdict.bottleneck?.code, 'poison-job')
})

test('a call to others inside of a transaction is the call, and not the pool whose connections it holds', () => {
  const verdict = judged({
    routes: [
      {
        p95: 2000,
        ms: 6_090_000,
        pool: 5_000_000,
        database: 4000,
        outgoing: 1_080_000,
        hosts: [{ host: 'bank', count: 3000, ms: 1_080_000 }],
      },
    ],
    process: POOL_FULL,
    active: { idleInTransaction: 18, cpu: 0.2 },
  })
  assert.deepEqual([verdict.bottleneck?.code, verdict.findings.length], ['slow-call', 1])
  assert.match(describeFinding(verdict.bottleneck!).claim, /holds a connection, for which others wait/)
})

test('transactions that wait for nothing that is seen hold the connections that others wait for', () => {
  const signs: Signs = {
    routes: [{ p95: 2000, ms: 270_000, pool: 200_000, database: 4000, self: 66_000 }],
    process: POOL_FULL,
  }
  const verdict = judged({ ...signs, active: { idleInTransaction: 18, cpu: 0.2 } })
  assert.deepEqual([verdict.bottleneck?.code, verdict.bottleneck?.subject.name], ['long-transaction', 'GET /orders'])
  assert.match(
    describeFinding(verdict.bottleneck!).claim,
    /^18\.0 of 20\.0 connections in use are held by transactions/,
  )
  assert.equal(judged({ ...signs, active: { cpu: 0.2 } }).bottleneck?.code, 'pool-too-small')
})

test('transactions that are idle while their statements are on a long way are the way', () => {
  const verdict = judged({
    routes: [{ p95: 2000, ms: 270_000, pool: 130_000, database: 135_000, self: 5000 }],
    process: POOL_FULL,
    active: { idleInTransaction: 18, cpu: 0.2 },
    database: { roundTripMs: 45, seen: { client: 270_000, server: 3000, calls: 6000 } },
  })
  assert.equal(verdict.bottleneck?.code, 'database-far')
  assert.ok(!verdict.findings.some(({ code }) => code === 'long-transaction' || code === 'pool-too-small'))
})

test('a full pool behind a lock is the lock', () => {
  assert.ok(!judged(FAULTS['lock-contention']).findings.some(({ code }) => code === 'pool-too-small'))
})

test('queries that seem slow while the event loop stands still are not the database', () => {
  const verdict = judged({
    ...FAULTS['event-loop-stalls'],
    database: { seen: { client: 27_000, server: 200, calls: 6000 } },
  })
  assert.equal(verdict.bottleneck?.code, 'event-loop-stalls')
})

test('six of the same in a request are N+1 queries when their keys come from rows, and else may be anything', () => {
  const [route] = FAULTS['n-plus-one'].routes!
  const query = { ...route!.queries![0]!, calls: 18_000, repeated: 0, mostInOne: 6 }
  const signs: Signs = { routes: [{ ...route, calls: 21_000, queries: [query] }] }
  const known = { code: 'n-plus-one', origin: 'GET /orders', query: query.query, place: 'orders.ts:12', times: 6 }
  assert.ok(!judged(signs).findings.some(({ code }) => code === 'n-plus-one'))
  assert.equal(judged({ ...signs, whole: { repeats: [known] } }).bottleneck?.facts['place'], 'orders.ts:12')
})

test('a stall is laid to the route that makes it, not to the one whose many requests wait for its end', () => {
  const { findings } = judged({
    ...FAULTS['event-loop-stalls'],
    routes: [
      { name: 'GET /light', count: 9000, ms: 700_000, self: 600_000, p95: 450 },
      { name: 'GET /report', count: 60, self: 30_000, ms: 30_000, database: 0, calls: 0 },
    ],
  })
  assert.equal(findings.find(({ code }) => code === 'event-loop-stalls')?.subject.name, 'GET /report')
})

test('a database that reads no more than it must is not advised an index', () => {
  assert.ok(!judged(FAULTS['database-cpu']).findings.some(({ code }) => code === 'missing-index'))
})

test('a loop that only waits for a processor is not full', () => {
  const verdict = judged({ wait: 300, process: { loop: 0.97, cpu: 0.1 }, host: { busy: 1, other: 1.8 } })
  assert.equal(verdict.bottleneck?.code, 'host-is-busy')
  assert.deepEqual(verdict.next, { kind: 'nothing', why: 'not the app' })
})

test('slow while a cron runs, and as slow at other times, is not the cron', () => {
  const evidence = evidenceWith(FAULTS['cron-interferes'])
  evidence.traffic.seconds = Array.from({ length: 60 }, (_, s) => [
    evidence.window.from + s * 1000,
    50,
    50 * (s % 7 < 3 ? 400 : 12),
    s % 7 < 3 ? 45 : 0,
  ])
  assert.ok(!advise(evidence).findings.some(({ code }) => code === 'cron-interferes'))
})

test('a limit that is near without anything to be put right is named', () => {
  const verdict = judged({ p95: 20, routes: [{}], process: { pool: { max: 3, used: 2.3, waiting: 0, opened: 0 } } })
  assert.deepEqual([verdict.state, verdict.bottleneck], ['near a limit', undefined])
  const { headline, next } = viewOf(verdict)
  assert.match(headline, /^Close to a limit: .+ First limit: connection pool, at 1\.0 times this load/)
  assert.match(next, /The connection pool is used most \(77 % of it\)\.$/)
})

test('a loop that is nearly full is a limit before anybody feels it', () => {
  const verdict = judged({
    ...FAULTS['cpu-bound-route'],
    p95: 60,
    wait: 0,
    routes: FAULTS['cpu-bound-route'].routes!.map((one) => ({ ...one, p95: 60 })),
  })
  assert.equal(verdict.state, 'near a limit')
  assert.equal(verdict.bottleneck?.code, 'cpu-bound-route')
})

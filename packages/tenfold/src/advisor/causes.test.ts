/** Other shapes of the same causes: what is named when it shows elsewhere than usual, or when two things are wrong at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evidence } from '../evidence/index.ts'
import { advise, describeFinding, viewOf, type Verdict } from './index.ts'
import { evidenceWith, HEALTHY, type Signs } from './testing/signs.ts'

const judged = (signs: Signs): Verdict => advise(evidenceWith(signs))
const named = (signs: Signs): string | undefined => judged(signs).bottleneck?.code
const queue = (signs: Partial<Evidence['queue']>): Partial<Evidence> => ({ queue: { ...HEALTHY.queue, ...signs } })
const PILE = { finished: 1000, arrived: 2000, busyMs: 580_000, depthBefore: 0, depthAfter: 1000, failed: 0 }

const REPORT = { query: 'select report($1)', module: 'orders', calls: 100, ms: 25_500, rows: 100, blocks: 900 }
const ASKED = { query: 'select report(?)', calls: 100, ms: 26_000, rows: 100, repeated: 0, mostInOne: 1 }
const SLOW: Signs = {
  routes: [{ p95: 900, queries: [ASKED] }],
  active: { cpu: 0.5 },
  database: { seen: { client: 27_000, server: 26_000, calls: 300 }, queries: [REPORT] },
}

test('a scan that hides in a function is named by the statement that calls it', () => {
  const pages = { ...REPORT, blocks: 400_000, scans: [] }
  const verdict = judged({ ...SLOW, database: { ...SLOW.database, queries: [pages] } })
  assert.deepEqual([verdict.bottleneck?.code, verdict.bottleneck?.subject.name], ['costly-query', 'select report($1)'])
  assert.match(describeFinding(verdict.bottleneck!).claim, /reading 4,000 pages each time/)
})

test('many quick statements at once that only stand in each other’s way are none that costs much', () => {
  const quick = { ...REPORT, calls: 2500, ms: 500_000 }
  const verdict = judged({
    ...SLOW,
    routes: [{ p95: 900, ms: 600_000, database: 590_000, queries: [{ ...ASKED, calls: 2500, ms: 590_000 }] }],
    active: { cpu: 14 },
    host: { busy: 1, postgres: 1.8, app: 0.1 },
    database: { seen: { client: 590_000, server: 500_000, calls: 2500 }, queries: [quick] },
  })
  assert.equal(verdict.bottleneck?.code, 'database-cpu')
  assert.ok(!verdict.findings.some(({ code }) => code === 'costly-query'))
})

test('a statement that waits for a lock inside of the server does not cost it', () => {
  const { findings } = judged({
    ...SLOW,
    active: { cpu: 0.05, lock: 0.4 },
    database: {
      ...SLOW.database,
      blockers: [{ waiting: 40, waitingQuery: 'update a', holderQuery: 'update a', holderState: 'active' }],
    },
  })
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['lock-contention'],
  )
})

test('a pool that one slow statement fills is that statement', () => {
  const verdict = judged({
    routes: [
      { p95: 3000, ms: 300_000, pool: 240_000, database: 55_000, queries: [{ ...ASKED, calls: 150, ms: 50_000 }] },
      { name: 'GET /quick', p95: 2500, ms: 200_000, pool: 190_000, database: 5000 },
    ],
    process: { pool: { max: 5, used: 5, waiting: 20, opened: 0 } },
    active: { cpu: 1.9 },
    database: {
      seen: { client: 60_000, server: 52_000, calls: 3000 },
      queries: [{ ...REPORT, calls: 150, ms: 50_000 }],
    },
  })
  assert.equal(verdict.bottleneck?.code, 'costly-query')
})

test('a pool that a slow statement fills while the server has room is that statement, too', () => {
  const slow = (ms: number): Signs => ({
    routes: [
      { p95: 3000, ms: 300_000, pool: 240_000, database: 55_000, queries: [{ ...ASKED, calls: 150, ms: 50_000 }] },
      { name: 'GET /quick', p95: 2500, ms: 200_000, pool: 190_000, database: 5000 },
    ],
    process: { pool: { max: 3, used: 3, waiting: 20, opened: 0 } },
    database: {
      seen: { client: 60_000, server: 52_000, calls: 3000 },
      queries: [{ ...REPORT, calls: 50_000 / ms, ms: 50_000 }],
    },
  })
  assert.equal(named(slow(330)), 'costly-query')
  assert.equal(named(slow(60)), 'pool-too-small')
})

test('what explains nearly nothing beside it does not silence what has no name', () => {
  const caches = [{ name: 'orders.rare', hits: 20, misses: 300, loads: 300, evictions: 0, loadMs: 200 }]
  assert.equal(named({ ...SLOW, whole: { caches } }), 'costly-query')
  const waits: Signs = { routes: [{ p95: 900, ms: 900_000, self: 890_000, database: 9000 }] }
  assert.equal(named({ ...waits, whole: { caches } }), 'unseen-wait')
  // A cache whose loading is what takes the time is still the cause.
  assert.equal(named({ ...SLOW, whole: { caches: [{ ...caches[0]!, loadMs: 26_000 }] } }), 'low-hit-ratio')
})

test('a table with capital letters in its name is known in the statement that reads it', () => {
  const query = 'select sum("n") from "Orders"."Churn"'
  const { findings } = judged({
    routes: [{ p95: 900, queries: [{ ...ASKED, query }] }],
    active: { cpu: 0.5 },
    database: {
      seen: { client: 27_000, server: 26_000, calls: 300 },
      queries: [{ ...REPORT, query, blocks: 900_000, scans: [] }],
      tables: [
        { name: 'Orders.Churn', rows: 300, dead: 200_000, bytes: 9e6, scans: 3000, rowsScanned: 9e5, writes: 0 },
      ],
    },
  })
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['dead-rows'],
  )
})

test('a route that waits for a client of its own is named, and says that it is not seen for what', () => {
  const signs: Signs = { routes: [{ p95: 900, ms: 900_000, self: 890_000, database: 9000 }] }
  const verdict = judged({ ...signs, configuration: { redis: true } })
  assert.equal(verdict.bottleneck?.code, 'unseen-wait')
  assert.match(describeFinding(verdict.bottleneck!).claim, /neither in a statement nor in a call .+ or for Redis/)
  // The same time in a loop that is busy is computing, or waiting for those who compute.
  assert.notEqual(named({ ...signs, process: { loop: 0.9, cpu: 0.9 } }), 'unseen-wait')
  assert.equal(named({ ...signs, wait: 30, host: { busy: 1, other: 1.8 } }), 'unseen-wait')
  assert.equal(named({ ...signs, wait: 200, host: { busy: 1, other: 1.8 } }), 'host-is-busy')
  assert.notEqual(named({ ...signs, process: { stalled: 0.3, longestStall: 700 } }), 'unseen-wait')
  assert.equal(named({ ...signs, database: { opened: 2900 } }), 'connect-per-request')
})

test('what takes the database and is not this app is named with its statement', () => {
  const others = { working: 3.5, query: 'copy everything to stdout' }
  const signs: Signs = { active: { cpu: 0.8 }, host: { busy: 1, postgres: 1.8, app: 0.1 }, database: { others } }
  const verdict = judged(signs)
  assert.equal(verdict.bottleneck?.code, 'database-taken')
  assert.match(describeFinding(verdict.bottleneck!).claim, /copy everything to stdout/)
  // Also before anybody feels it.
  const felt = {
    ...signs,
    p95: 80,
    routes: [{ p95: 80 }],
    active: { cpu: 7 },
    configuration: { databaseOnSameHost: true },
  }
  assert.equal(named(felt), 'database-taken')
  // Sessions of an app that gives them no name are its own.
  const [route] = evidenceWith(signs).routes
  const own = { ...ASKED, query: others.query }
  assert.notEqual(named({ ...signs, routes: [{ ...route, p95: 900, queries: [own] }] }), 'database-taken')
  assert.notEqual(named({ ...signs, database: { others: { ...others, working: 0.1 } } }), 'database-taken')
})

test('a long statement of our own, of which the server shows the beginning, is not somebody else’s', () => {
  const columns = Array.from({ length: 60 }, (_, i) => `"t"."column_${String(i)}" as "t_column_${String(i)}"`).join(
    ', ',
  )
  const own = { ...ASKED, query: `SELECT ${columns} FROM "t" WHERE "t"."id" IN (…)` }
  const seen = (query: string): Signs => ({
    active: { cpu: 0.8 },
    host: { busy: 1, postgres: 1.8, app: 0.1 },
    routes: [{ p95: 900, queries: [own, { ...ASKED, query: 'insert into "t" values (…) returning "id"' }] }],
    database: { others: { working: 3.5, query } },
  })
  for (const query of [
    `${own.query.slice(0, 1015)}…`,
    'SELECT "t"."column_0" as "t_column_0", "t"."colu…',
    'insert into "t" values ($1, $2), ($3, $4), ($5, …',
    'insert into "t" values ($1, $2), ($3…',
  ])
    assert.notEqual(named(seen(query)), 'database-taken', query)
  assert.equal(named(seen('select sum(a) from everything where b in (…')), 'database-taken')
})

test('where the processors of the server are not known, a few sessions of others take nothing', () => {
  const evidence = (working: number): Evidence => {
    const others = { working, query: 'copy everything to stdout' }
    const made = evidenceWith({ active: { cpu: 0.8 }, database: { others } })
    delete made.database!.cores
    return made
  }
  const taken = (working: number): boolean =>
    advise(evidence(working)).findings.some(({ code }) => code === 'database-taken')
  assert.deepEqual([taken(0.6), taken(2), taken(5)], [false, false, true])
})

test('a limit of the processors is told apart from a machine that others take', () => {
  const held = judged({ wait: 400, process: { loop: 0.9, cpu: 0.2 }, host: { busy: 0.2, throttled: 0.5 } })
  assert.deepEqual([held.bottleneck?.code, held.next], ['host-is-busy', { kind: 'nothing', why: 'held back' }])
  assert.match(viewOf(held).headline, /A limit of the processors holds the app back/)
  assert.match(viewOf(held).next, /Raise that limit/)
})

test('deadlocks are named, though none of the two holds what the other waits for', () => {
  const verdict = judged({ active: { lock: 1.5 }, database: { deadlocks: 30 } })
  assert.equal(verdict.bottleneck?.code, 'lock-contention')
  const { title, step } = describeFinding(verdict.bottleneck!)
  assert.match(title, /wait for each other/)
  assert.match(step.text, /forUpdate/)
})

test('jobs that ask the database once for each row are that, and not too few workers', () => {
  const query = { query: 'select ? from item', calls: 60_000, ms: 500_000, rows: 60_000, repeated: 1000, mostInOne: 60 }
  const verdict = judged({
    p95: 20,
    routes: [{}],
    jobs: [{ count: 1000, ms: 580_000, self: 20_000, database: 560_000, calls: 60_000, queries: [query] }],
    whole: queue(PILE),
  })
  assert.deepEqual(
    [verdict.bottleneck?.code, verdict.bottleneck?.subject],
    ['n-plus-one', { kind: 'job', name: 'orders.mail' }],
  )
})

test('a job that asks for much many times is not asking for too little each time', () => {
  const query = { query: 'select sum(?) from orders', calls: 40, ms: 80_000, rows: 40, repeated: 3, mostInOne: 14 }
  const { findings } = judged({
    jobs: [{ count: 3, ms: 6000, self: 1, database: 5999, calls: 40, queries: [query] }],
    active: { cpu: 4 },
    database: {
      queries: [{ query: 'select sum($1) from orders', module: 'orders', calls: 40, ms: 79_000, rows: 40, blocks: 0 }],
      seen: { client: 90_000, server: 79_500, calls: 6000 },
    },
  })
  assert.ok(!findings.some(({ code }) => code === 'n-plus-one'))
})

test('jobs that wait for an index are that, and not too few workers', () => {
  const text = 'select "id" from "orders" where "owner" = '
  const verdict = judged({
    p95: 20,
    routes: [{}],
    jobs: [
      {
        count: 1000,
        ms: 580_000,
        self: 20_000,
        database: 560_000,
        queries: [{ query: `${text}?`, calls: 1000, ms: 555_000, rows: 3000, repeated: 0, mostInOne: 1 }],
      },
    ],
    database: {
      seen: { client: 580_000, server: 550_000, calls: 7000 },
      queries: [
        {
          query: `${text}$1`,
          module: 'orders',
          calls: 1000,
          ms: 540_000,
          rows: 3000,
          blocks: 3_000_000,
          scans: [{ table: 'orders', schema: 'orders', columns: ['owner'], rows: 400_000, pages: 3000 }],
        },
      ],
    },
    whole: queue(PILE),
  })
  assert.equal(verdict.bottleneck?.code, 'missing-index')
})

test('why jobs stand still is said: no worker, none takes them, or none ends', () => {
  const still = { finished: 0, arrived: 600, busyMs: 0, depthBefore: 0, depthAfter: 600, failed: 0 }
  const why = (running: number, roles: Record<string, number>): string => {
    const { bottleneck } = judged({
      p95: 20,
      routes: [{}],
      whole: queue({ ...still, running }),
      configuration: { roles },
    })
    assert.equal(bottleneck?.code, 'jobs-stand-still')
    return describeFinding(bottleneck).claim
  }
  assert.match(why(0, { web: 1 }), /no process has the role worker/)
  assert.match(why(0, { web: 1, worker: 1 }), /hardly busy/)
  assert.match(why(10, { web: 1, worker: 1 }), /10\.0 are being worked on at a time and do not end/)
})

test('jobs that wait for a limit of their own are that, whether the workers are busy or not', () => {
  const held = { jobs: 540, name: 'orders.ship' }
  const pile = { finished: 60, arrived: 600, depthBefore: 0, depthAfter: 540, failed: 0, held }
  const limited = (busyMs: number): Verdict => judged({ p95: 20, routes: [{}], whole: queue({ ...pile, busyMs }) })
  for (const verdict of [limited(60_000), limited(500_000)]) {
    assert.equal(verdict.bottleneck?.facts['why'], 'held')
    const { title, claim, step } = describeFinding(verdict.bottleneck)
    assert.equal(title, 'A limit of orders.ship lets its jobs wait')
    assert.match(claim, /540 wait for a limit of their own, most of them orders\.ship/)
    assert.match(step.text, /concurrency/)
    assert.ok(!verdict.findings.some(({ code }) => code === 'too-few-workers'))
  }
})

test('workers that are busy half of the time are not called idle', () => {
  const pile = { finished: 500, arrived: 1000, depthBefore: 0, depthAfter: 500, failed: 0, busyMs: 300_000 }
  const { bottleneck } = judged({ p95: 20, routes: [{}], whole: queue(pile) })
  assert.deepEqual([bottleneck?.code, bottleneck?.confidence], ['jobs-stand-still', 'medium'])
  assert.match(describeFinding(bottleneck!).claim, /the workers are busy 50 % of the time/)
})

test('many jobs at once that are being worked off harm nobody', () => {
  const slots = (of: (slot: number) => number): Evidence['traffic']['slots'] =>
    Array.from({ length: 30 }, (_, i) => ({ at: i * 2000, requests: 100, errors: 0, p95: 20, depth: of(i) }))
  const signs = (depth: (slot: number) => number): Signs => ({
    p95: 20,
    routes: [{}],
    jobs: [{ count: 1000, ms: 580_000, self: 580_000 }],
    traffic: { slots: slots(depth) },
    whole: queue(PILE),
  })
  assert.equal(judged(signs((i) => (i < 5 ? 0 : 2000 - (i - 5) * 40))).state, 'healthy')
  assert.equal(named(signs((i) => i * 34)), 'too-few-workers')
  // What has fallen once and stands since then is not being worked off.
  assert.equal(named(signs((i) => (i < 3 ? 1000 : Math.max(880, 1000 - (i - 2) * 40)))), 'too-few-workers')
})

test('long jobs that have not ended yet keep their workers busy, too', () => {
  const verdict = judged({
    p95: 20,
    routes: [{}],
    jobs: [{ count: 20, ms: 60_000, self: 60_000 }],
    whole: queue({ ...PILE, finished: 20, busyMs: 60_000, running: 9.8 }),
  })
  assert.equal(verdict.bottleneck?.code, 'too-few-workers')
})

test('jobs that pile up on a machine without room need no more workers, but room', () => {
  const verdict = judged({
    p95: 60,
    routes: [{}],
    jobs: [{ count: 150, ms: 24_000, self: 24_000 }],
    process: { roles: ['web', 'worker'], loop: 0.95, cpu: 0.4 },
    host: { busy: 0.99, app: 1.1, postgres: 0.55, other: 0.3 },
    whole: queue({ finished: 150, arrived: 370, busyMs: 560_000, depthBefore: 35, depthAfter: 255, failed: 0 }),
  })
  assert.equal(verdict.bottleneck?.code, 'database-shares-host')
})

test('requests that a standstill lets pile up are no spike: they came as always', () => {
  // Nothing was answered for a while, and then all at once, in a slot that lasted longer.
  const slots = Array.from({ length: 30 }, (_, s) => ({
    at: (s < 12 ? s : s + 1) * 1000,
    requests: 60,
    errors: 0,
    p95: 3,
  }))
  Object.assign(slots[10]!, { requests: 20, p95: 560 })
  Object.assign(slots[11]!, { requests: 160, p95: 850 })
  const verdict = judged({ routes: [{ p95: 850 }], traffic: { slots } })
  assert.equal(verdict.state, 'harmed')
})

test('slots in which hardly anybody comes do not make a crowd of the others', () => {
  // Every fifth second somebody, ten of them each time: in the two slow ones no more than in any other.
  const slots = Array.from({ length: 60 }, (_, s) => ({
    at: s * 1000,
    requests: s % 5 === 0 ? 10 : 0,
    errors: 0,
    p95: 20,
  }))
  Object.assign(slots[30]!, { p95: 900 })
  Object.assign(slots[31]!, { requests: 12, p95: 900 })
  const verdict = judged({ routes: [{ p95: 900 }], traffic: { slots } })
  assert.equal(verdict.state, 'harmed')
})

test('requests that fail in time are named by their route, with what may have broken it', () => {
  const failing: Signs = {
    p95: 20,
    routes: [{ errors: 300, outgoing: 3000, hosts: [{ host: 'bank', count: 3000, ms: 3000 }] }],
    traffic: { errors: 300 },
  }
  const release = { at: HEALTHY.takenAt - 60_000, what: 'release' as const, name: '1.4.0' }
  const { bottleneck } = judged({ ...failing, whole: { changes: [release] } })
  assert.equal(bottleneck?.code, 'route-fails')
  assert.match(
    describeFinding(bottleneck).claim,
    /^300 of 3,000 requests of GET \/orders .+ release 1\.4\.0 .+ it asks bank/,
  )
  const stepOn = (host: Signs['host'] & object): string =>
    describeFinding(judged({ ...failing, host }).bottleneck!).step.title
  assert.match(stepOn({ diskFree: 0.001 }), /room on the disk/)
  assert.match(stepOn({ diskFree: 0.01, diskFreeBytes: 3e8 }), /room on the disk/)
  assert.doesNotMatch(stepOn({ diskFree: 0.019, diskFreeBytes: 76e9 }), /room on the disk/)
  // What is wrong with another route that is quick all the same is not what harms.
  const query = { query: 'select ? from item', calls: 12_000, ms: 8000, rows: 12_000, repeated: 300, mostInOne: 40 }
  const rows = { name: 'GET /list', count: 300, p95: 30, ms: 9000, self: 500, database: 8500, calls: 12_300 }
  const beside = judged({ ...failing, routes: [...failing.routes!, { ...rows, queries: [query] }] })
  assert.deepEqual(
    [beside.bottleneck?.code, beside.findings.some(({ code }) => code === 'n-plus-one')],
    ['route-fails', true],
  )
  // Unless it is what lets requests fail at once.
  assert.equal(
    named({ ...failing, database: { connections: 99, own: 90, maxConnections: 100 } }),
    'too-many-connections',
  )
  // Those that also take too long fail because of that.
  assert.notEqual(named({ ...failing, ...SLOW, traffic: { errors: 300 } }), 'route-fails')
})

test('buffers are measured by the memory of the machine, and the heap by its own limit', () => {
  const grows = (process: Signs['process'] & object, memoryFree = 8e9): Verdict =>
    judged({ p95: 20, routes: [{}], process: { heapBytes: 60e6, heapLimit: 2e9, ...process }, host: { memoryFree } })
  // A cache that is being filled beside a small heap, and one that takes what is left.
  const cache = { heapGrowth: 3e5, externalGrowth: 3e5, externalBytes: 90e6 }
  assert.equal(grows(cache).state, 'healthy')
  const leak = grows({ ...cache, heapGrowth: 3e6, externalGrowth: 3e6 })
  assert.deepEqual([leak.bottleneck?.code, leak.bottleneck?.confidence], ['memory-grows', 'medium'])
  assert.match(describeFinding(leak.bottleneck!).claim, /the memory of the machine is full in 44 minutes/)
  const heap = grows({ ...cache, heapGrowth: 3e6, externalGrowth: 0 })
  assert.match(describeFinding(heap.bottleneck!).claim, /the heap is larger: .+ it is full in 11 minutes/)
})

test('no process is given more memory than the machine has, and the threshold that decided is shown', () => {
  const full = (signs: Signs) => {
    const { findings } = judged({ wait: 300, ...signs })
    return describeAndProve(findings.find(({ code }) => code === 'heap-full')!)
  }
  const describeAndProve = (finding: Verdict['findings'][number]) => [
    /=(\d+) /.exec(describeFinding(finding).step.text)?.[1],
    finding.proofs[0]!.threshold,
  ]
  const near = { loop: 0.95, cpu: 0.97, gc: 0.5, heapBytes: 1.9e9, heapLimit: 2 * 1024 ** 3 }
  assert.deepEqual(full({ process: near, host: { memoryFree: 8e9 } }), ['4096', 0.15])
  assert.deepEqual(full({ process: near, host: { memoryFree: 1024 ** 3 } }), ['2560', 0.15])
  assert.deepEqual(full({ process: near, host: { memoryFree: 2e8 } }), [undefined, 0.15])
  assert.equal(full({ process: { ...near, heapBytes: 5e8 } })[1], 0.25)
})

test('a heap that is nearly full is more room first, also where one route suffers most', () => {
  const signs: Signs = {
    wait: 300,
    routes: [{ p95: 60 }, { name: 'GET /b', count: 1500, self: 40_000, ms: 40_000, p95: 300 }],
  }
  const tight = { loop: 0.97, cpu: 0.97, gc: 0.5, heapBytes: 230e6, heapLimit: 256e6 }
  assert.equal(named({ ...signs, process: tight }), 'heap-full')
  assert.equal(named({ ...signs, process: { ...tight, gc: 0.04, heapBytes: 60e6 } }), 'cpu-bound-route')
})

/** The faults, each with what is true of it. */
import type { FindingCode } from '../../packages/tenfold/src/advisor/index.ts'
import type { Evidence } from '../../packages/tenfold/src/evidence/index.ts'
import type { Load, LoadResult } from './load.program.ts'
import { churn, crowd, slowDisk, strangers, stuckReplica, takeConnections, workers } from './plant.ts'
import type { Play } from './stage.ts'

export interface Scenario {
  name: string
  /** What is wrong; `undefined`: nothing, and nothing may be advised. */
  truth: FindingCode | undefined
  /** Others that are as right: another name of the same cause. */
  also?: readonly FindingCode[]
  /** The same load without the fault: whatever is said of it, it is not this. */
  spared?: FindingCode
  /** Of the users' requests; without it their latency does not tell whether the fault does harm. */
  harmless?: boolean
  /** Seconds that it takes to be seen, where that is more than of the others. */
  least?: number
  run(play: Play, seconds: number): Promise<{ evidence: Evidence; load: LoadResult }>
}

interface Simple {
  paths: Load['paths']
  begin?: Parameters<Play['begin']>[0]
  /** Before the app starts, and once it runs. */
  first?: (play: Play) => Promise<void>
  before?: (play: Play) => Promise<void>
  after?: (evidence: Evidence) => Evidence
}

const LIGHT = { path: '/light', perSecond: 20 }

function simple({ paths, begin, first, before, after }: Simple): Scenario['run'] {
  return async (play, seconds) => {
    await first?.(play)
    const instance = await play.begin(begin)
    await before?.(play)
    await play.load({ seconds: 1.5, paths: [LIGHT] }, instance.port)
    const started = Date.now()
    const load = await play.load({ seconds, paths }, instance.port)
    const evidence = await play.gather(started + 300)
    return { evidence: after?.(evidence) ?? evidence, load }
  }
}

/** Sixty days of a business that grows by 3 % each week, quieter at weekends; today is as measured. */
function withGrowth(evidence: Evidence): Evidence {
  const peak = evidence.traffic.perSecond
  const days = Array.from({ length: 60 }, (_, i) => {
    const weekday = i % 7 > 4 ? 0.6 : 1
    const wobble = 1 + 0.06 * Math.sin(i * 12.9898)
    return {
      day: new Date(evidence.takenAt - (60 - i) * 86_400_000).toISOString().slice(0, 10),
      peakPerSecond: peak * 1.03 ** ((i - 60) / 7) * weekday * wobble,
      requests: 100_000,
      p95: 12,
    }
  })
  return { ...evidence, days }
}

/** With the fault, and the same load without it: the difference is in the last argument. */
function pair(
  name: string,
  truth: FindingCode,
  common: Simple & Pick<Scenario, 'also' | 'harmless'>,
  [fault, none]: readonly [fault: Partial<Simple>, none: Partial<Simple>],
): Scenario[] {
  const { also, harmless, ...base } = common
  return [
    { name, truth, ...(also && { also }), ...(harmless && { harmless }), run: simple({ ...base, ...fault }) },
    { name: `without: ${name}`, truth: undefined, spared: truth, run: simple({ ...base, ...none }) },
  ]
}

const loaded = (path: string, perSecond: number): Pick<Simple, 'paths'> => ({ paths: [LIGHT, { path, perSecond }] })
const NONE = { paths: [] }

const steady = (perSecond: number): Load['paths'] => [{ path: '/light', perSecond }]

/** Fifty clients ask for pages, each as often; one more asks for as much as all of them many times over. */
const crowdOfClients = (perSecond: number, ofOneMore = 0): Load['paths'] =>
  ['a', 'b', 'c'].flatMap((page) => [
    { path: `/page/${page}`, perSecond, client: 'many', clients: 50 },
    ...(ofOneMore > 0 ? [{ path: `/page/${page}`, perSecond: ofOneMore, client: 'noisy' }] : []),
  ])

const bursts = (path: string, perSecond: number): Load['paths'] =>
  Array.from({ length: 6 }, (_, i) => ({ path, perSecond, from: i * 2 + 0.5, to: i * 2 + 1 }))

export const SCENARIOS: readonly Scenario[] = [
  { name: 'healthy', truth: undefined, run: simple({ paths: steady(60) }) },
  { name: 'healthy, growing by 3 % a week', truth: undefined, run: simple({ paths: steady(60), after: withGrowth }) },
  {
    name: 'a short spike',
    truth: undefined,
    run: simple({ paths: [...steady(40), { path: '/light', perSecond: 160, from: 4, to: 5.5 }] }),
  },
  {
    name: 'a spike that is too much for a moment',
    truth: undefined,
    run: simple({ paths: [...steady(40), { path: '/product', perSecond: 380, from: 3, to: 4 }] }),
  },
  {
    name: 'quiet hours and busy hours',
    truth: undefined,
    run: simple({
      paths: [15, 40, 70, 40].map((perSecond, i) => ({ path: '/light', perSecond, from: i * 2, to: i * 2 + 2 })),
    }),
  },
  ...pair('missing index', 'missing-index', NONE, [loaded('/search', 60), loaded('/light', 60)]),
  ...pair('N+1', 'n-plus-one', { ...NONE, begin: { wayMs: 1 } }, [loaded('/list', 24), loaded('/light', 24)]),
  ...pair('a route that computes', 'cpu-bound-route', NONE, [loaded('/compute', 42), loaded('/light', 42)]),
  {
    name: 'an event loop that is full',
    truth: 'event-loop-full',
    also: ['database-shares-host'],
    run: simple({ paths: crowdOfClients(115) }),
  },
  {
    name: 'a stall of the event loop',
    truth: 'event-loop-stalls',
    run: simple({
      paths: [
        { path: '/light', perSecond: 50 },
        { path: '/report', perSecond: 0.7 },
      ],
    }),
  },
  ...pair('a pool too small', 'pool-too-small', loaded('/short', 105), [
    { begin: { pool: 3 } },
    { begin: { pool: 20 } },
  ]),
  ...pair('a slow partner', 'slow-call', NONE, [loaded('/partner', 30), loaded('/light', 30)]),
  ...pair('a slow partner, asked inside a transaction', 'slow-call', { ...NONE, also: ['long-transaction'] }, [
    { ...loaded('/bound', 40), begin: { pool: 10 } },
    { ...loaded('/light', 40), begin: { pool: 10 } },
  ]),
  ...pair('a hot row', 'lock-contention', NONE, [loaded('/hot', 45), loaded('/touch', 45)]),
  {
    name: 'a transaction that stays open',
    truth: 'long-transaction',
    also: ['lock-contention'],
    run: simple({ paths: [LIGHT, { path: '/count', perSecond: 15 }, { path: '/forgetful', perSecond: 0.4 }] }),
  },
  {
    name: 'a database without processor',
    truth: 'database-cpu',
    also: ['database-shares-host'],
    run: simple({ paths: [LIGHT, { path: '/sums', perSecond: 220 }] }),
  },
  ...pair('too many rows', 'over-fetch', NONE, [loaded('/everything', 55), loaded('/light', 55)]),
  ...pair('a connection for each request', 'connect-per-request', NONE, [
    loaded('/stranger', 150),
    loaded('/light', 150),
  ]),
  {
    name: 'a storm of connections',
    truth: 'connect-per-request',
    also: ['too-many-connections'],
    run: simple({ paths: [LIGHT, ...bursts('/stranger', 350)] }),
  },
  ...pair('too many connections', 'too-many-connections', { paths: steady(40), harmless: true }, [
    { before: takeConnections },
    {},
  ]),
  {
    name: 'a pool too large',
    truth: 'too-many-connections',
    run: simple({ paths: [LIGHT, { path: '/linger', perSecond: 190 }], begin: { pool: 150 } }),
  },
  ...pair('a queue that grows', 'too-few-workers', { ...loaded('/enqueue', 30), harmless: true }, [
    { begin: { roles: ['web', 'worker'], concurrency: 2 } },
    { begin: { roles: ['web', 'worker'], concurrency: 20 } },
  ]),
  ...pair(
    'a poisoned job',
    'poison-job',
    { ...NONE, begin: { roles: ['web', 'worker'], concurrency: 4 }, harmless: true },
    [loaded('/enqueue-bad', 15), loaded('/enqueue', 15)],
  ),
  {
    name: 'a cron among the traffic',
    truth: 'cron-interferes',
    // Three of its runs.
    least: 14,
    run: simple({ paths: [{ path: '/light', perSecond: 60 }], begin: { roles: ['web', 'worker', 'cron'] } }),
  },
  ...pair(
    'memory that grows',
    'memory-grows',
    { ...NONE, begin: { nodeOptions: ['--max-old-space-size=500', '--expose-gc'] }, harmless: true },
    [loaded('/leak', 20), loaded('/light', 20)],
  ),
  ...pair('a table of dead rows', 'dead-rows', loaded('/churning', 60), [{ before: churn }, {}]),
  ...pair('a database far away', 'database-far', { paths: steady(40) }, [
    { begin: { wayMs: 45 } },
    { begin: { wayMs: 1 } },
  ]),
  ...pair('a cache that misses', 'low-hit-ratio', NONE, [loaded('/cached', 30), loaded('/cached-well', 30)]),
  ...pair('a cache that all load at once', 'cache-stampede', NONE, [
    loaded('/popular', 90),
    loaded('/popular-kept', 90),
  ]),
  ...pair('what everybody looks at', 'hot-key', { ...NONE, also: ['repeated-reads'] }, [
    loaded('/famous', 170),
    loaded('/product', 170),
  ]),
  ...pair('reads that could be kept', 'repeated-reads', NONE, [loaded('/catalog', 170), loaded('/product', 170)]),
  ...pair('one noisy client', 'noisy-client', NONE, [
    { paths: crowdOfClients(5, 110) },
    { paths: crowdOfClients(115) },
  ]),
  ...pair('writes that wait for the disk', 'disk-bound', loaded('/write', 90), [{ first: slowDisk }, {}]),
  ...pair('changes that wait for the disk', 'disk-bound', loaded('/touch', 90), [{ first: slowDisk }, {}]),
  {
    name: 'a replica that cannot follow',
    truth: 'replica-lags',
    harmless: true,
    run: simple({ paths: [LIGHT, { path: '/write', perSecond: 20 }], first: stuckReplica }),
  },
  {
    name: 'without: a replica that cannot follow',
    truth: undefined,
    spared: 'replica-lags',
    run: simple({
      paths: [LIGHT, { path: '/write', perSecond: 20 }],
      first: async (play) => void (await play.replica()),
    }),
  },
  {
    name: 'an app that starves the database beside it',
    truth: 'database-shares-host',
    run: simple({
      paths: [
        { path: '/light', perSecond: 15 },
        { path: '/sums', perSecond: 20 },
        { path: '/grind', perSecond: 45 },
      ],
      before: (play) => workers(play, 3),
    }),
  },
  ...pair('a statement that costs much', 'costly-query', NONE, [loaded('/totals', 7), loaded('/light', 7)]),
  ...pair('a wait that nobody records', 'unseen-wait', NONE, [loaded('/waits', 30), loaded('/light', 30)]),
  {
    name: 'rows taken in another order',
    truth: 'lock-contention',
    run: simple(loaded('/crossing', 25)),
  },
  {
    name: 'somebody else in the database',
    truth: 'database-taken',
    // With ten milliseconds of the server each, so that its users feel who else is there.
    run: simple({ ...loaded('/product', 25), before: strangers }),
  },
  {
    name: 'jobs that nobody takes',
    truth: 'jobs-stand-still',
    harmless: true,
    run: simple(loaded('/enqueue', 20)),
  },
  {
    name: 'jobs that ask once for each row',
    truth: 'n-plus-one',
    harmless: true,
    run: simple({ ...loaded('/enqueue-list', 25), begin: { roles: ['web', 'worker'], concurrency: 1, wayMs: 1 } }),
  },
  { name: 'a machine taken by others', truth: 'host-is-busy', run: simple({ paths: steady(60), before: crowd }) },
]

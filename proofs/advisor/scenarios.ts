/** The faults, each with what is true of it. */
import { spawn } from 'node:child_process'
import pg from 'pg'
import type { FindingCode } from '../../packages/tenfold/src/advisor/index.ts'
import type { Evidence } from '../../packages/tenfold/src/evidence/index.ts'
import type { Load, LoadResult } from './load.program.ts'
import type { Instance, Play } from './stage.ts'

export interface Scenario {
  name: string
  /** What is wrong; `undefined`: nothing, and nothing may be advised. */
  truth: FindingCode | undefined
  /** Others that are as right: another name of the same cause. */
  also?: readonly FindingCode[]
  /** Of the users' requests; without it their latency does not tell whether the fault does harm. */
  harmless?: boolean
  run(play: Play, seconds: number): Promise<{ evidence: Evidence; load: LoadResult }>
}

interface Simple {
  paths: Load['paths']
  begin?: Parameters<Play['begin']>[0]
  before?: (play: Play, instance: Instance) => Promise<void>
  after?: (evidence: Evidence) => Evidence
}

const LIGHT = { path: '/light', perSecond: 20 }

function simple({ paths, begin, before, after }: Simple): Scenario['run'] {
  return async (play, seconds) => {
    const instance = await play.begin(begin)
    await before?.(play, instance)
    await play.load({ seconds: 1.5, paths: [LIGHT] }, instance.port)
    const started = Date.now()
    const load = await play.load({ seconds, paths }, instance.port)
    const evidence = await play.gather([instance], (Date.now() - started - 300) / 60_000)
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

const steady = (perSecond: number): Load['paths'] => [{ path: '/light', perSecond }]

export const SCENARIOS: readonly Scenario[] = [
  { name: 'healthy', truth: undefined, run: simple({ paths: steady(60) }) },
  { name: 'healthy, growing by 3 % a week', truth: undefined, run: simple({ paths: steady(60), after: withGrowth }) },
  {
    name: 'a short spike',
    truth: undefined,
    run: simple({ paths: [...steady(40), { path: '/light', perSecond: 160, from: 4, to: 5.5 }] }),
  },
  {
    name: 'quiet hours and busy hours',
    truth: undefined,
    run: simple({
      paths: [15, 40, 70, 40].map((perSecond, i) => ({ path: '/light', perSecond, from: i * 2, to: i * 2 + 2 })),
    }),
  },
  {
    name: 'missing index',
    truth: 'missing-index',
    run: simple({ paths: [LIGHT, { path: '/search', perSecond: 60 }] }),
  },
  {
    name: 'N+1',
    truth: 'n-plus-one',
    run: simple({ paths: [LIGHT, { path: '/list', perSecond: 24 }], begin: { wayMs: 1 } }),
  },
  {
    name: 'a route that computes',
    truth: 'cpu-bound-route',
    run: simple({ paths: [LIGHT, { path: '/compute', perSecond: 42 }] }),
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
  {
    name: 'a pool too small',
    truth: 'pool-too-small',
    run: simple({ paths: [LIGHT, { path: '/short', perSecond: 75 }], begin: { pool: 3 } }),
  },
  { name: 'a slow partner', truth: 'slow-call', run: simple({ paths: [LIGHT, { path: '/partner', perSecond: 30 }] }) },
  { name: 'a hot row', truth: 'lock-contention', run: simple({ paths: [LIGHT, { path: '/hot', perSecond: 45 }] }) },
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
  {
    name: 'too many rows',
    truth: 'over-fetch',
    run: simple({ paths: [LIGHT, { path: '/everything', perSecond: 40 }] }),
  },
  {
    name: 'a connection for each request',
    truth: 'connect-per-request',
    run: simple({ paths: [LIGHT, { path: '/stranger', perSecond: 150 }] }),
  },
  {
    name: 'too many connections',
    truth: 'too-many-connections',
    harmless: true,
    run: simple({ paths: steady(40), before: takeConnections }),
  },
  {
    name: 'a queue that grows',
    truth: 'too-few-workers',
    harmless: true,
    run: simple({
      paths: [LIGHT, { path: '/enqueue', perSecond: 30 }],
      begin: { roles: ['web', 'worker'], concurrency: 2 },
    }),
  },
  {
    name: 'a poisoned job',
    truth: 'poison-job',
    harmless: true,
    run: simple({
      paths: [LIGHT, { path: '/enqueue-bad', perSecond: 15 }],
      begin: { roles: ['web', 'worker'], concurrency: 4 },
    }),
  },
  {
    name: 'a cron among the traffic',
    truth: 'cron-interferes',
    run: simple({ paths: [{ path: '/light', perSecond: 60 }], begin: { roles: ['web', 'worker', 'cron'] } }),
  },
  {
    name: 'memory that grows',
    truth: 'memory-grows',
    harmless: true,
    run: simple({
      paths: [LIGHT, { path: '/leak', perSecond: 20 }],
      begin: { nodeOptions: ['--max-semi-space-size=1', '--max-old-space-size=500'] },
    }),
  },
  {
    name: 'a table of dead rows',
    truth: 'dead-rows',
    run: simple({ paths: [LIGHT, { path: '/churning', perSecond: 60 }], before: churn }),
  },
  { name: 'a database far away', truth: 'database-far', run: simple({ paths: steady(40), begin: { wayMs: 45 } }) },
  {
    name: 'a cache that misses',
    truth: 'low-hit-ratio',
    run: simple({ paths: [LIGHT, { path: '/cached', perSecond: 30 }] }),
  },
  { name: 'a machine taken by others', truth: 'host-is-busy', run: simple({ paths: steady(60), before: crowd }) },
]

async function takeConnections({ url, defer }: Play): Promise<void> {
  const clients = Array.from(
    { length: 74 },
    () => new pg.Client({ connectionString: url, application_name: 'advised/idle' }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  defer(() => Promise.all(clients.map((client) => client.end())))
}

async function churn({ url }: Play): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (let i = 0; i < 700; i++) await client.query('update work.churn set n = n + 1')
  await client.query('select pg_stat_force_next_flush()')
  await client.end()
}

/** Loops in processes that are none of the app's. */
async function crowd({ defer }: Play): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const child = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' })
    defer(() => void child.kill('SIGKILL'))
  }
}

/** Predicted against measured: topologies on this machine whose parts are tied to a core each. */
import { pgbouncerProgram } from '../../packages/tenfold/src/database/testing/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { predict, predictClosed, type Demands, type Topology } from '../../packages/tenfold/src/plan/index.ts'
import proof from './app.ts'
import { demandsOf, load, mixed, type Mix, type Outcome } from './measure.ts'
import { goFirst, pinned, startStand, waitedForCore, type Stand } from './stand.ts'

export default {
  name: 'plan',
  about: 'what the model of planning predicts, beside what real processes do: throughput and p95 of a dozen topologies',
  options: {
    only: 'topologies whose names contain this',
    seconds: 'of load for each percentile; 12, with --quick 4',
    seed: 'of arrivals; 1 by default',
  },
  run,
} satisfies Claims

const THROUGHPUT_WITHIN = 0.15
const P95_WITHIN = 0.3
/** The load at which percentiles are compared: where waiting shows and does not yet run away. */
const LOAD = 0.65

interface Case {
  name: string
  mix: Mix
  instances: number
  pool: number
  replica?: boolean
  /** Server connections of a PgBouncer in between. */
  pooler?: number
  /** Users who think, in place of users who do not. */
  think?: { users: number; seconds: number }
}

const HOLD: Mix = { routes: { 'GET /hold': 1 } }
const SPREAD: Mix = { routes: { 'GET /spread': 1 } }
const BURN: Mix = { routes: { 'GET /burn': 1 } }
const SCAN: Mix = { routes: { 'GET /scan': 1 } }

const CASES: readonly Case[] = [
  { name: 'held connections, pool of 1', mix: HOLD, instances: 1, pool: 1 },
  { name: 'held connections, pool of 2', mix: HOLD, instances: 1, pool: 2 },
  { name: 'held connections, pool of 4', mix: HOLD, instances: 1, pool: 4 },
  { name: 'spread connections, pool of 2', mix: SPREAD, instances: 1, pool: 2 },
  { name: 'spread connections, pool of 4', mix: SPREAD, instances: 1, pool: 4 },
  { name: 'spread connections, 2 processes with a pool of 2', mix: SPREAD, instances: 2, pool: 2 },
  { name: 'app CPU, 1 process', mix: BURN, instances: 1, pool: 4 },
  { name: 'app CPU, 2 processes', mix: BURN, instances: 2, pool: 4 },
  { name: 'database CPU, 1 core', mix: SCAN, instances: 1, pool: 4 },
  { name: 'database CPU, pool of 1', mix: SCAN, instances: 1, pool: 1 },
  {
    name: 'app CPU and held connections, pool of 2',
    mix: { routes: { 'GET /burn': 1, 'GET /hold': 1 } },
    instances: 1,
    pool: 2,
  },
  {
    name: 'a cache that answers 60 %, pool of 2',
    mix: { routes: { 'GET /cached/:key': 1 }, hit: 0.6 },
    instances: 1,
    pool: 2,
  },
  {
    name: 'held connections, 2 processes with a pool of 4 behind a pooler with 3',
    mix: HOLD,
    instances: 2,
    pool: 4,
    pooler: 3,
  },
  { name: 'reads on a replica, pool of 5', mix: SPREAD, instances: 1, pool: 5, replica: true },
]

const ROUTES = ['GET /burn', 'GET /scan', 'GET /hold', 'GET /spread', 'GET /cached/:key']
/** How often a percentile is measured again when the generator was late. */
const TRIES = 3

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const ms = Number(set.seconds ?? (quick ? 4 : 12)) * 1000
  const seed = Number(set.seed ?? 1)
  if (!pinned) log('without taskset all parts share all cores, and the model does not hold')
  const first = goFirst()
  if (!first.allowed) log('others on this machine disturb what is measured: as root it would go before them')
  const stand = await startStand()
  try {
    await migrate(stand)
    const base = await stand.start({ instances: 1, pool: 20 })
    const demands = await demandsOf(stand, base, ROUTES, quick ? 4000 : 8000).finally(() => base.stop())
    for (const { name, appCpu, databaseCpu, databaseOther, outside, cv2 } of demands) {
      log(
        `${name}: app ${show(appCpu)} ms, database ${show(databaseCpu)} ms, held besides ${show(databaseOther)} ms, others ${show(outside)} ms, cv² ${cv2.toFixed(2)}`,
      )
    }
    const found: Compared[] = []
    if (!pgbouncerProgram()) log('PgBouncer is not installed: topologies with a pooler are left out')
    const possible = CASES.filter(({ pooler }) => pooler === undefined || pgbouncerProgram() !== undefined)
    for (const one of possible.filter(({ name }) => name.includes(set.only ?? ''))) {
      if (signal.aborted) throw signal.reason
      found.push(await compare(stand, one, mixed(demands, one.mix), ms, seed))
      const { throughput, p95, waited } = found.at(-1)!
      log(`${one.name}: ${off(throughput)} throughput, ${off(p95)} p95, waited ${Math.round(waited * 100)} %`)
    }
    return reportOf(found)
  } finally {
    await stand.stop()
    first.end()
  }
}

interface Pair {
  predicted: number
  measured: number
}

interface Compared {
  name: string
  capacity: number
  rate: number
  throughput: Pair
  p95: Pair
  /** Of the time, how long the app's processes waited for a core that others had. */
  waited: number
  valid: boolean
}

async function compare(stand: Stand, one: Case, demands: Demands, ms: number, seed: number): Promise<Compared> {
  const { name, mix, instances, pool, pooler, replica = false } = one
  const topology: Topology = {
    name,
    stage: replica ? 4 : 3,
    // A core for each process; the other core is the database's where nothing else computes.
    app: { instances, machines: instances, cores: 1 },
    database: { cores: 1, replicas: replica ? 1 : 0 },
    together: false,
    pool,
    ...(pooler !== undefined && { pooler }),
    cacheHit: mix.hit ?? 0,
    networkMs: 0,
  }
  const users = 16 * instances
  const { capacity } = predict(demands, topology, 1)
  const rate = capacity * LOAD
  const running = await stand.start({ instances, pool, replica, ...(pooler !== undefined && { pooler }) })
  try {
    const full = await load(running.urls, mix, { users, for: Math.max(2500, ms / 3) }, seed)
    const { onReplica } = await running.statements()
    if (replica && onReplica < 0.9) throw new Error(`only ${Math.round(onReplica * 100)} % was read from the replica`)
    const [before, from] = [waitedForCore(running.pids), performance.now()]
    let quiet: Outcome = await load(running.urls, mix, { rate, for: ms }, seed)
    for (let i = 1; i < TRIES && !quiet.valid; i++) quiet = await load(running.urls, mix, { rate, for: ms }, seed + i)
    const waited = (waitedForCore(running.pids) - before) / ((performance.now() - from) / 1000)
    return {
      name,
      capacity,
      rate,
      throughput: { predicted: predictClosed(demands, topology, users, 0), measured: full.throughput },
      p95: { predicted: predict(demands, topology, rate).p95, measured: quiet.p95 },
      waited,
      valid: quiet.valid && quiet.errors + full.errors === 0,
    }
  } finally {
    await running.stop()
  }
}

async function migrate({ database }: Stand): Promise<void> {
  const instance = await proof.start({
    roles: [],
    migrate: true,
    variables: {
      NODE_ENV: 'production',
      LOG_LEVEL: 'fatal',
      SECRET_KEY: 'of a proof, and of nothing else besides',
      DATABASE_URL: database.adminUrl,
    },
  })
  await instance.stop()
}

function reportOf(found: readonly Compared[]): Report {
  const claim = (of: 'throughput' | 'p95', most: number) => {
    // What the generator was late for was not measured.
    const measured = of === 'p95' ? found.filter(({ valid }) => valid) : found
    const hold = measured.filter((one) => Math.abs(error(one[of])) <= most).length
    return {
      claim: `topologies whose ${of} was predicted within ${most * 100} %`,
      goal: `at least ${Math.min(8, found.length)}`,
      value: `${hold} of ${measured.length} that could be measured`,
      holds: hold >= Math.min(8, found.length),
    }
  }
  return {
    claims: [claim('throughput', THROUGHPUT_WITHIN), claim('p95', P95_WITHIN)],
    rows: found.map(({ name, rate, throughput, p95, waited, valid }) => ({
      topology: name,
      'predicted/s': round(throughput.predicted),
      'measured/s': round(throughput.measured),
      throughput: off(throughput),
      'p95 at/s': round(rate),
      'predicted ms': round(p95.predicted * 1000),
      'measured ms': round(p95.measured * 1000),
      p95: off(p95),
      'waited for a core': `${Math.round(waited * 100)} %`,
      'generator in time': valid,
    })),
  }
}

function error({ predicted, measured }: Pair): number {
  return predicted / measured - 1
}

function off(pair: Pair): string {
  const percent = Math.round(error(pair) * 100)
  return `${percent >= 0 ? '+' : ''}${percent} %`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function show(seconds: number): string {
  return (seconds * 1000).toFixed(2)
}

/** The cheapest topology that meets a goal, and which step of the ladder is needed from where on. */
import type { Demands, Prediction, Topology } from './plan.ts'
import { hasRoom, predict } from './predict.ts'
import type { Machine, Prices } from './prices.ts'

export interface PlanGoal {
  /** Seconds, at p95. */
  p95: number
  /** How full anything may be, from 0 to 1: what is left is for an instance that fails, and for a peak within the peak. */
  utilization: number
}

export interface Settings {
  prices: Prices
  goal: PlanGoal
  /** Connections of each process. */
  pool: number
  /** Server connections that Postgres is set up for: from there on a pooler shares them. */
  maxConnections: number
  /** Milliseconds from one machine to another and back. */
  networkMs: number
  /** What a shared cache would answer of the reads; undefined when that is not known, and then none is planned. */
  cacheHit?: number
}

export interface Choice {
  topology: Topology
  price: number
  prediction: Prediction
}

export type Stage = Topology['stage']

const MOST_APP_MACHINES = 200
const MOST_REPLICAS = 6

/** The cheapest that does `rate` within the goal, on steps of the ladder up to `most`; undefined when none does. */
export function cheapest(demands: Demands, rate: number, settings: Settings, most: Stage = 5): Choice | undefined {
  const { goal } = settings
  const candidates = [...candidatesFor(demands, rate, settings, most)].toSorted(
    (a, b) => a.price - b.price || a.topology.stage - b.topology.stage,
  )
  for (const { topology, price } of candidates) {
    if (!hasRoom(demands, topology, rate, goal.utilization)) continue
    const prediction = predict(demands, topology, rate)
    if (prediction.p95 <= goal.p95) return { topology, price, prediction }
  }
  return undefined
}

/** The highest rate that steps up to `stage` can do with these machines; 0 when the goal cannot be met at all. */
export function mostAt(demands: Demands, settings: Settings, stage: Stage): number {
  let [low, high] = [0, 1]
  while (high < 1e7 && cheapest(demands, high, settings, stage)) [low, high] = [high, high * 4]
  for (let i = 0; i < 10 && high - low > low * 0.03; i++) {
    const middle = low === 0 ? high / 2 : Math.sqrt(low * high)
    if (cheapest(demands, middle, settings, stage)) low = middle
    else high = middle
  }
  return low
}

type Candidate = Omit<Choice, 'prediction'>

function* candidatesFor(demands: Demands, rate: number, settings: Settings, most: Stage): Generator<Candidate> {
  const { prices } = settings
  for (const machine of prices.app) yield { topology: oneMachine(machine, settings), price: machine.price }
  if (most === 1) return
  const hits = settings.cacheHit === undefined || most < 5 ? [0] : [0, settings.cacheHit]
  const mostReplicas = most < 4 ? 0 : MOST_REPLICAS
  for (const machine of prices.app) {
    for (const database of prices.database) {
      for (let replicas = 0; replicas <= mostReplicas; replicas++) {
        for (const cacheHit of hits) {
          for (const machines of machineCounts(demands, rate, machine, settings.goal)) {
            const topology = apart(machine, machines, database, replicas, cacheHit, settings)
            const balancer = machines > 1 ? prices.balancer : 0
            const cache = cacheHit > 0 ? prices.cache : 0
            if (topology.stage > most) continue
            const price = machines * machine.price + (1 + replicas) * database.price + balancer + cache
            yield { topology, price }
          }
        }
      }
    }
  }
}

/** As many as the event loops need, and some more for the percentile. */
function machineCounts({ classes }: Demands, rate: number, { cores }: Machine, { utilization }: PlanGoal): number[] {
  const demand = classes.reduce((sum, one) => sum + one.share * one.appCpu, 0)
  const least = Math.max(1, Math.ceil((rate * demand) / (utilization * cores)))
  const counts = [least, least + 1, Math.ceil(least * 1.3), Math.ceil(least * 1.7)]
  return [...new Set(counts)].filter((n) => n <= MOST_APP_MACHINES)
}

function oneMachine({ name, cores }: Machine, { pool }: Settings): Topology {
  return {
    name: `one machine with ${name}`,
    stage: 1,
    app: { instances: cores, machines: 1, cores },
    database: { cores, replicas: 0 },
    together: true,
    pool,
    cacheHit: 0,
    networkMs: 0,
  }
}

function apart(
  machine: Machine,
  machines: number,
  database: Machine,
  replicas: number,
  cacheHit: number,
  { pool, maxConnections, networkMs }: Settings,
): Topology {
  const instances = machines * machine.cores
  const pooled = instances * pool > maxConnections
  const stage = cacheHit > 0 ? 5 : replicas > 0 ? 4 : machines > 1 || pooled ? 3 : 2
  const parts = [
    `${machines} x app with ${machine.name}`,
    `database with ${database.name}`,
    ...(replicas > 0 ? [`${replicas} ${replicas === 1 ? 'replica' : 'replicas'} of the same size`] : []),
    ...(pooled ? ['PgBouncer'] : []),
    ...(cacheHit > 0 ? ['a shared cache'] : []),
  ]
  return {
    name: parts.join(', '),
    stage,
    app: { instances, machines, cores: machine.cores },
    database: { cores: database.cores, replicas },
    together: false,
    pool,
    ...(pooled && { pooler: maxConnections }),
    cacheHit,
    networkMs,
  }
}

export interface CurvePoint {
  users: number
  rate: number
  choice: Choice | undefined
}

/** From a hundred to ten million users. */
export function curveOf(demands: Demands, ratePerUser: number, settings: Settings): CurvePoint[] {
  const users = [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7].map((power) => Number((10 ** power).toPrecision(2)))
  return users.map((n) => ({ users: n, rate: n * ratePerUser, choice: cheapest(demands, n * ratePerUser, settings) }))
}

/** From demands and a topology to what they do together. */
import type { ClassDemand, Demands, Prediction, Resource, Topology } from './plan.ts'
import { closed, erlangC, mva, waitBefore, waitOf, type Wait } from './queues.ts'
import { NOTHING, quantileOf, sum, waiting, work, type Spread } from './spread.ts'

/** What a replica computes to repeat the writes of the primary, of what these cost there: an assumption, and named as one. */
export const REPLAY = 0.3

/** Within one kind of request, how much the CPU of the app varies. */
const APP_CV2 = 0.2
const MOST_CONNECTIONS = 400
/** What is left where the background alone is more than all cores. */
const LEAST_CORES = 0.001

export function predict(demands: Demands, topology: Topology, rate: number): Prediction {
  const model = modelOf(demands, topology)
  const limits = limitsOf(model)
  const [full] = limits
  const throughput = Math.min(rate, full!.most)
  const utilization = limits
    .map((one) => ({ of: one.of, value: fullAt(one, rate) }))
    .toSorted((a, b) => b.value - a.value)
  const known = { throughput, capacity: full!.most, utilization, connections: model.connections }
  const waits = rate < full!.most ? waitsOf(model, rate) : undefined
  if (!waits) {
    const never = { mean: Infinity, p50: Infinity, p95: Infinity, p99: Infinity }
    return { ...known, ...never, waits: { loop: Infinity, pool: Infinity, database: Infinity } }
  }
  const kinds = model.classes
    .filter(({ kind }) => kind === 'request')
    .map((one) => ({ share: one.share, work: work(unloaded(one), one.cv2), waiting: waitingOf(one, waits) }))
  const mean = kinds.reduce((all, kind) => all + kind.share * (kind.work.mean + kind.waiting.mean), 0)
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantileOf(kinds, q)) as [number, number, number]
  const { loop, pool, primary } = waits
  return { ...known, mean, p50, p95, p99, waits: { loop: loop.mean, pool: pool.mean, database: primary.mean } }
}

/** Requests a second at the most. */
export function capacityOf(demands: Demands, topology: Topology): number {
  return limitsOf(modelOf(demands, topology))[0]!.most
}

/** Whether `rate` fills nothing beyond `utilization`; what is quick to see is looked at first. */
export function hasRoom(demands: Demands, topology: Topology, rate: number, utilization: number): boolean {
  const model = modelOf(demands, topology)
  const fits = (one: Limit): boolean => fullAt(one, rate) <= utilization
  return limitsOfCores(model).every(fits) && limitsOfPools(model).every(fits)
}

/** What so many users do a second, who think between two requests. */
export function predictClosed(demands: Demands, topology: Topology, users: number, thinkSeconds: number): number {
  const model = modelOf(demands, topology)
  const { loops, loopDemand, servers, stretch, outside } = model
  const stations = Array.from({ length: loops }, () => [loops / (loopDemand * stretch(0))])
  for (const { share, speeds } of servers) if (share > 0) stations.push(speeds().map((speed) => speed / share))
  return closed(stations, users, thinkSeconds + outside).at(-1)!
}

interface Server {
  of: 'primary' | 'replica'
  /** How often one request comes here, of all requests. */
  share: number
  /** Seconds of CPU and of other time, for one that comes here. */
  cpu: number
  other: number
  cores: number
  /** What it does a second, with 1, 2, … connections at work; reckoned when it is asked for. */
  speeds(): number[]
  cv2: number
}

interface Model {
  classes: ClassDemand[]
  topology: Topology
  loops: number
  /** Of one request with its jobs, in seconds. */
  loopDemand: number
  loopCv2: number
  databaseDemand: number
  servers: Server[]
  /** How much longer computing takes on machines that have more to do than cores, at a rate. */
  stretch(rate: number): number
  outside: number
  connections: number
  background: { appCpu: number; databaseCpu: number }
}

function modelOf({ classes: measured, background = NOBODY }: Demands, topology: Topology): Model {
  const { app, database, together, cacheHit, pool, pooler, networkMs } = topology
  const classes = measured.flatMap((one) => cached(one, cacheHit)).map((one) => apart(one, networkMs))
  const total = (of: (one: ClassDemand) => number): number => classes.reduce((all, one) => all + one.share * of(one), 0)
  const loopDemand = Math.max(
    total(({ appCpu }) => appCpu),
    1e-9,
  )
  const visits = total(() => 1)
  const square = total(({ appCpu }) => appCpu * appCpu * (1 + APP_CV2)) / visits
  const loopCv2 = Math.max(0, square / (loopDemand / visits) ** 2 - 1)
  const databaseDemand = total(({ databaseCpu }) => databaseCpu)
  const connections = Math.max(1, Math.min(pooler ?? Infinity, app.instances * pool))
  const stretch = (rate: number): number => stretchOf(topology, rate, loopDemand, databaseDemand)
  const made = serversOf(classes, topology)
  return {
    classes,
    topology,
    loops: app.instances,
    loopDemand,
    loopCv2,
    databaseDemand,
    servers: made.map((server) => {
      let speeds: number[] | undefined
      const cores = together ? database.cores : server.cores
      // A process has as many connections to each replica; how far that one has replayed is asked over one more.
      return { ...server, speeds: () => (speeds ??= speedsOf(server, cores, connections)) }
    }),
    stretch,
    outside: total(({ kind, outside }) => (kind === 'request' ? outside : 0)),
    connections,
    background,
  }
}

const NOBODY = { appCpu: 0, databaseCpu: 0 }

/** A cache answers so much of the reads: some requests then need the rest alone, the others all. Two kinds, since their mean
 *  would have neither's percentiles. */
function cached(one: ClassDemand, hit: number): ClassDemand[] {
  if (hit === 0 || one.reads === 0) return [one]
  const rest = 1 - one.reads
  const { share, databaseCpu, databaseOther, queries } = one
  const answered = { databaseCpu: databaseCpu * rest, databaseOther: databaseOther * rest, queries: queries * rest }
  return [
    { ...one, ...answered, share: share * hit, reads: 0 },
    { ...one, share: share * (1 - hit) },
  ]
}

/** Each statement goes to the database and comes back, and its connection is held meanwhile. */
function apart(one: ClassDemand, networkMs: number): ClassDemand {
  return { ...one, databaseOther: one.databaseOther + (one.queries * networkMs) / 1000 }
}

type Bare = Omit<Server, 'speeds'>

/** The primary, and the replicas as one of them each: plain reads go there, and each repeats the writes. */
function serversOf(classes: readonly ClassDemand[], { database }: Topology): Bare[] {
  const { replicas, cores } = database
  const part = (of: 'primary' | 'replica', take: (one: ClassDemand) => number): Bare => {
    const used = classes
      .map((one) => ({ one, part: take(one), hold: one.databaseCpu + one.databaseOther }))
      .filter(({ hold, part: p }) => hold > 0 && p > 0)
    const share = used.reduce((all, { one, part: p }) => all + one.share * p, 0)
    const mean = (value: (one: ClassDemand) => number): number =>
      share === 0 ? 0 : used.reduce((all, { one, part: p }) => all + one.share * p * value(one), 0) / share
    const hold = mean((one) => one.databaseCpu + one.databaseOther)
    const square = mean((one) => (one.databaseCpu + one.databaseOther) ** 2 * (1 + one.cv2))
    const cv2 = hold === 0 ? 1 : Math.max(0, square / (hold * hold) - 1)
    return {
      of,
      share,
      cpu: mean(({ databaseCpu }) => databaseCpu),
      other: mean(({ databaseOther }) => databaseOther),
      cores,
      cv2,
    }
  }
  if (replicas === 0) return [part('primary', () => 1)]
  const primary = part('primary', ({ reads }) => 1 - reads)
  const replica = part('replica', ({ reads }) => reads)
  const replay = replica.share === 0 ? 0 : (REPLAY * primary.share * primary.cpu) / (replica.share / replicas)
  const one = { ...replica, share: replica.share / replicas, cpu: replica.cpu + replay }
  return [primary, ...Array.from({ length: replicas }, () => one)]
}

function speedsOf({ cpu, other, share }: Bare, cores: number, connections: number): number[] {
  if (share === 0) return [Infinity]
  const stations = [
    { demand: cpu, servers: cores },
    { demand: other, servers: Infinity },
  ]
  return mva(stations, Math.min(connections, MOST_CONNECTIONS)).map(({ throughput }) => throughput)
}

interface Limit {
  of: Resource
  /** What it does at the most, in requests a second. */
  most: number
  /** From 0 to 1: how full it is without any. */
  beside: number
}

function fullAt({ most, beside }: Limit, rate: number): number {
  return beside + (Math.max(0, 1 - beside) * rate) / most
}

/** The slowest first. */
function limitsOf(model: Model): Limit[] {
  return [...limitsOfCores(model), ...limitsOfPools(model)].toSorted((a, b) => a.most - b.most)
}

function limitsOfCores({ topology, loops, loopDemand, databaseDemand, servers, background }: Model): Limit[] {
  const { app, together, database } = topology
  const found: Limit[] = [{ of: 'event loop', most: loops / loopDemand, beside: 0 }]
  const add = (of: Resource, cores: number, demand: number, beside: number): void =>
    void found.push({ of, most: Math.max(LEAST_CORES, cores - beside) / demand, beside: beside / cores })
  if (together) {
    add('app cores', database.cores, loopDemand + databaseDemand, background.appCpu + background.databaseCpu)
    return found
  }
  add('app cores', app.cores * app.machines, loopDemand, background.appCpu)
  for (const { of, share, cpu, cores } of servers.slice(0, 2)) {
    if (share === 0 || cpu === 0) continue
    if (of === 'primary') add('database CPU', cores, cpu * share, background.databaseCpu)
    else add('replica CPU', cores, cpu * share, 0)
  }
  return found
}

function limitsOfPools({ servers }: Model): Limit[] {
  return servers
    .slice(0, 2)
    .filter(({ share }) => share > 0)
    .map(({ share, speeds }) => ({ of: 'connection pool', most: speeds().at(-1)! / share, beside: 0 }))
}

interface Waits {
  loop: Wait
  pool: Wait
  /** Waiting for the cores of the database, by where a request goes. */
  primary: Wait
  replica: Wait
  /** Of one second of computing on the app's machines. */
  stretch: number
}

function waitsOf(model: Model, rate: number): Waits | undefined {
  const { loops, loopDemand, loopCv2, servers, classes } = model
  const stretch = model.stretch(rate)
  const visits = classes.reduce((all, { share }) => all + share, 0)
  const loop = waitOf({
    rate: (rate * visits) / loops,
    service: (loopDemand / visits) * stretch,
    servers: 1,
    cv2: loopCv2,
  })
  if (!Number.isFinite(loop.mean) || !Number.isFinite(stretch)) return undefined
  const each = servers.slice(0, 2).map((server) => behindPool(server, rate, model))
  const none: Wait = { utilization: 0, chance: 0, mean: 0 }
  const [primary = { pool: none, cpu: none }, replica = primary] = each
  const pool = servers[0]!.share > 0 ? primary.pool : replica.pool
  return { loop, pool, primary: primary.cpu, replica: replica.cpu, stretch }
}

function behindPool(
  { share, cpu, other, cores, speeds, cv2 }: Server,
  rate: number,
  { topology, stretch }: Model,
): { pool: Wait; cpu: Wait } {
  const none: Wait = { utilization: 0, chance: 0, mean: 0 }
  if (share === 0) return { pool: none, cpu: none }
  const arriving = rate * share
  const pool = waitBefore(speeds(), arriving)
  // The formula is for exponential times; Allen and Cunneen's factor for others.
  const factor = (1 + cv2) / 2
  const inside = pool.inside / arriving
  const alone = cpu + other
  const extra = topology.together ? cpu * (stretch(rate) - 1) : Math.max(0, inside - alone) * factor
  const chance = Math.min(1, Math.max(erlangC(cores, arriving * cpu), 1e-3))
  return {
    pool: { utilization: pool.utilization, chance: pool.chance, mean: pool.mean * factor },
    cpu: { utilization: (arriving * cpu) / cores, chance, mean: extra },
  }
}

function waitingOf(one: ClassDemand, waits: Waits): Spread {
  const usesDatabase = one.databaseCpu + one.databaseOther > 0
  const stretched = one.appCpu * (waits.stretch - 1)
  const parts = [waiting(waits.loop), stretched > 0 ? work(stretched, 1) : NOTHING]
  if (usesDatabase) parts.push(waiting(waits.pool), waiting(waits.primary))
  return sum(parts)
}

function unloaded({ appCpu, databaseCpu, databaseOther, outside }: ClassDemand): number {
  return appCpu + databaseCpu + databaseOther + outside
}

/** Processes that share cores with others get a part of them only: as in a queue of the cores that serves all in turn. */
function stretchOf({ app, database, together }: Topology, rate: number, loop: number, databaseCpu: number): number {
  const cores = together ? database.cores : app.cores
  const machines = together ? 1 : app.machines
  if (!together && app.instances / machines <= cores) return 1
  const load = (rate * (loop + (together ? databaseCpu : 0))) / machines
  return load >= cores ? Infinity : 1 + erlangC(cores, load) / (cores - load)
}

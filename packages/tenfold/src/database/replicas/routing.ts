/** Where a read goes.
 *
 *  R1  A read never goes to a replica that is not known to have all that this request, job or task has written or was told
 *      of (its position), whoever wrote it on whichever instance.
 *  R2  All reads of one request go to one replica, or, from some point on, to the primary: time never runs backwards.
 *  R3  Only what is provably a plain read, or said to be one, goes to a replica at all; transactions do not.
 *  R4  A replica that is lost, lags, restarts, was promoted or belongs to another cluster costs reads their replica, never
 *      their answer: they go to the primary.
 *  R5  A position of another history (a primary before a failover) cannot be compared: reads go to the primary until it
 *      is too old to matter.
 *
 *    context has just touched the primary ─────────────────> primary
 *    a replica has the position ───────────────────────────> that replica, the least busy one
 *    none has, one is usually there within WAIT_MS ────────> it, as soon as it has; else the primary
 *    none has ─────────────────────────────────────────────> primary, at once */
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Statements } from '../statements.ts'
import { createCausality, type Trail } from './causality.ts'
import { POSITION_AGE_MS, type Position } from './position.ts'
import { COMMIT_AND_PROBE, type PositionRow, type Primary } from './primary.ts'
import type { Connection } from '../connections.ts'
import { faultOf, type Fault, type Replica } from './replica.ts'

const WAIT_MS = 30
/** Without word from the primary for so long, nobody knows how far behind a replica is. */
const UNHEARD_MS = 30_000

export interface Routing {
  /** Runs a plain read on a replica that is new enough, or on the primary. `fn` may run twice. */
  read<T>(fn: (statements: Statements) => Promise<T>): Promise<T>
  /** Runs on the primary what may write. */
  write<T>(fn: (statements: Statements) => Promise<T>): Promise<T>
  /** Runs on the primary what does not write. */
  readPrimary<T>(fn: (statements: Statements) => Promise<T>): Promise<T>
  /** Commits, and takes the position in the same round trip. */
  commit(connection: Connection): Promise<{ command: string }>
  readonly causality: ReturnType<typeof createCausality>
}

export interface RoutingOptions {
  primary: Primary
  statements: Statements
  replicas: readonly Replica[]
  telemetry: Telemetry
  clock: Clock
}

/** Why a read that might have gone to a replica went to the primary. */
type Miss = 'own write' | 'position' | 'history' | 'no replica' | 'failed'

export function createRouting({ primary, statements, replicas, telemetry, clock }: RoutingOptions): Routing {
  const causality = createCausality(telemetry, primary, () => clock.elapsed())
  const meter = createMeter(telemetry, replicas)

  /** Without waiting for anything; undefined when only waiting could tell. Most reads end here, still on their caller's stack. */
  const chooseNow = (trail: Trail): Replica | Miss | undefined => {
    const now = clock.elapsed()
    for (const replica of replicas) replica.wake(now)
    if (now < trail.until) return 'own write'
    if (trail.settled < trail.touched) return undefined
    const demand = liveDemand(trail)
    if (demand && demand.history !== primary.history) return 'history'
    if (now - primary.heardAt > UNHEARD_MS) return 'no replica'
    if (trail.replica) return trail.replica.usable(now) && trail.replica.has(demand) ? trail.replica : 'position'
    return leastBusy(replicas, (replica) => replica.has(demand) && replica.usable(now))
  }

  const choose = async (trail: Trail): Promise<Replica | Miss> => {
    if (trail.settled < trail.touched) {
      await causality.settle(trail)
      const chosen = chooseNow(trail)
      if (chosen) return chosen
    }
    if (!replicas.some((replica) => replica.usable())) {
      await Promise.all(replicas.map((replica) => replica.refresh(WAIT_MS)))
      const chosen = chooseNow(trail)
      if (chosen) return chosen
    }
    const usable = replicas.filter((replica) => replica.usable())
    if (usable.length === 0) return 'no replica'
    const near = usable.filter((replica) => replica.lagMs < WAIT_MS).toSorted((a, b) => a.lagMs - b.lagMs)[0]
    const { position } = trail
    if (!near || !position || !(await meter.wait(near.reaches(position, WAIT_MS)))) return 'position'
    return near.usable() ? near : 'no replica'
  }

  const liveDemand = (trail: Trail): Position | undefined => {
    const { position } = trail
    if (position && primary.time() - position.at > POSITION_AGE_MS) trail.position = undefined
    return trail.position
  }

  const onPrimary = async <T>(kind: 'read' | 'write', fn: (on: Statements) => Promise<T>): Promise<T> => {
    const trail = causality.trail()
    // Before, for those who read meanwhile in a parallel branch; after, since only then it counts.
    causality.touch(trail, kind)
    try {
      return await fn(statements)
    } finally {
      causality.touch(trail, kind)
    }
  }

  return {
    causality,
    write: (fn) => onPrimary('write', fn),
    readPrimary: (fn) => onPrimary('read', fn),
    async read(fn) {
      const trail = causality.trail()
      const chosen = chooseNow(trail) ?? (await choose(trail).catch((): Miss => 'no replica'))
      if (typeof chosen === 'string') {
        meter.read('primary', chosen)
        return onPrimary('read', fn)
      }
      // A parallel read may have chosen meanwhile.
      const replica = (trail.reader = trail.replica ??= chosen)
      try {
        const result = await replica.run(fn)
        meter.read(replica.name)
        return result
      } catch (error) {
        const fault = faultOf(error)
        if (!fault) throw error
        replica.failed(fault, error)
        meter.read('primary', 'failed')
        report(telemetry, replica, fault, error)
        return onPrimary('read', fn)
      }
    },
    async commit(connection) {
      const trail = causality.trail()
      const count = trail.touched
      if (!primary.known) {
        causality.touch(trail, 'write')
        return statements.runOn(connection, 'commit', []).finally(() => causality.touch(trail, 'write'))
      }
      try {
        const { command, rows } = await statements.runOn<PositionRow>(connection, COMMIT_AND_PROBE, [])
        if (rows[0]) causality.settledAt(trail, count, primary.take(rows[0]))
        else causality.touch(trail, 'write')
        return { command }
      } catch (error) {
        causality.touch(trail, 'write') // it may have been committed all the same
        throw error
      }
    },
  }
}

function leastBusy(replicas: readonly Replica[], fits: (replica: Replica) => boolean): Replica | undefined {
  let best: Replica | undefined
  // From a random one, so that equals share the work.
  const offset = Math.floor(Math.random() * replicas.length)
  for (let i = 0; i < replicas.length; i++) {
    const one = replicas[(i + offset) % replicas.length]!
    if (fits(one) && (!best || one.inFlight < best.inFlight)) best = one
  }
  return best
}

function report(telemetry: Telemetry, { name }: Replica, fault: Fault, error: unknown): void {
  const fields = { replica: name, fault, reason: messageOf(error) }
  if (fault === 'write')
    telemetry.log.error('A query that writes was sent to a replica as a read; it ran on the primary.', fields)
  else telemetry.log.debug('A read failed on a replica and went to the primary.', fields)
}

function createMeter({ metrics }: Telemetry, replicas: readonly Replica[]) {
  const reads = metrics.counter('tenfold.db.reads', {
    help: 'Plain reads, by the server that answered them.',
    unit: '{read}',
  })
  const misses = metrics.counter('tenfold.db.replica.misses', {
    help: 'Plain reads that went to the primary, by reason.',
    unit: '{read}',
  })
  const waits = metrics.histogram('tenfold.db.replica.wait', {
    help: 'How long reads waited for a replica to get to their position.',
    unit: 's',
  })
  metrics.observe('tenfold.db.replica.lag', { help: 'How far a replica is behind the primary.', unit: 's' }, () =>
    replicas.map(({ name, behindMs }) => ({ value: behindMs / 1000, labels: { replica: name } })),
  )
  metrics.observe('tenfold.db.replica.up', { help: 'Whether a replica can be used (1) or not (0).', unit: '1' }, () =>
    replicas.map(({ name, state }) => ({ value: state === 'up' ? 1 : 0, labels: { replica: name } })),
  )
  const labels = new Map(['primary', ...replicas.map(({ name }) => name)].map((target) => [target, { target }]))
  const counted = { wait: 0 }
  metrics.observe(
    'tenfold.db.replica.waits',
    { help: 'Reads that waited for a replica.', unit: '{read}' },
    () => counted.wait,
    'counter',
  )
  return {
    read(target: string, reason?: Miss): void {
      reads.add(1, labels.get(target)!)
      if (reason) misses.add(1, { reason })
    },
    async wait(reached: Promise<boolean>): Promise<boolean> {
      const started = performance.now()
      counted.wait++
      const answer = await reached
      waits.record((performance.now() - started) / 1000, { outcome: answer ? 'reached' : 'in vain' })
      return answer
    },
  }
}

/** What has to be done beside claiming, by every worker, none of them in charge: jobs whose time has come are made ready,
 *  held jobs are let go when their key is free, the jobs of dead workers are freed, progress and counts are written,
 *  tomorrow's partitions are made and old ones dropped. */
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { SystemDatabase } from '../../database/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { fence, list } from './report.ts'
import type { Run } from './run.ts'
import { createSignal } from './signal.ts'
import {
  ADMIT,
  AGE,
  CANCELS,
  DEAD_ROWS,
  HELD_KEYS,
  LANE_NAMES,
  PARK,
  PROGRESS,
  PROMOTE,
  PRUNE,
  STATS,
  SWEEP,
  TIDY,
} from './statements.ts'
import type { Wake } from './wake.ts'
import type { Watch } from './watch.ts'

/** Workers that may die under a job before it is set aside. */
const MAX_LOST = 5
const KEEP_DAYS = 7
/** Ready for so long, a job is lifted before more urgent ones: as many at a time as a worker runs. */
const STARVED_MS = 60_000
const TICK_MS = 1000
const STATS_MS = 5000
const TIDY_MS = 2000
/** Fewer are not worth a pass. */
const MANY_DEAD = 20_000
/** Where a pass removes nothing (an old snapshot may still see the rows, or we may not), the next one comes so much later. */
const USELESS_MS = 60_000
const HOUR = 3_600_000
const CHORES_MS = 1000
/** What took so long is not done again for this many times as long. Tidying is, sooner: the later it comes, the longer it takes. */
const SHARE = 10

export interface Keeper {
  /** Before the first claim: completing a job needs today's partition. */
  prepare(): Promise<void>
  start(): void
  stop(): Promise<void>
  /** Lets jobs of these keys go; an empty list: of all keys. */
  admit(pairs: readonly { name: string; key: string }[]): void
  /** Somebody cancelled a job. */
  seeCancelled(): void
  /** A delayed job is due in so many milliseconds. */
  dueIn(ms: number): void
}

export interface KeeperOptions {
  leaseMs: number
  running: ReadonlyMap<string, Run>
  watch: Watch
  /** Jobs that a pass of ageing may lift. */
  concurrency: number
  /** What this worker can run. */
  names: readonly string[]
  /** Defaults to a minute. */
  starvedMs?: number
  /** Jobs became ready; `low` is the lowest place of them, if it may be among older ones. */
  onReady(low?: number): void
  /** Jobs of these names wait for a claim of lanes. */
  onLanes(names: readonly string[]): void
}

export function createKeeper(
  { db, telemetry, clock, wake }: { db: SystemDatabase; telemetry: Telemetry; clock: Clock; wake: Wake },
  { leaseMs, running, watch, concurrency, names, starvedMs = STARVED_MS, onReady, onLanes }: KeeperOptions,
): Keeper {
  const nudge = createSignal()
  const written = new Map<string, number>()
  let asked = new Map<string, { name: string; key: string }>()
  let after = { name: '', key: '' }
  let dueAt = Infinity
  let tidyAgainAt = 0
  let stopping = false
  let loop: Promise<void> | undefined

  const promote = async (): Promise<void> => {
    for (;;) {
      const { rows } = await db.query<{
        count: number
        low: number | null
        names: string | null
        held: string | null
        next: number | null
      }>(PROMOTE)
      const { count, low, names, held, next } = rows[0]!
      if (next !== null) dueAt = clock.elapsed() + Math.max(1, next)
      if (count > 0) await lanes()
      if (held) await admitNow(JSON.parse(held) as { name: string; key: string }[])
      if (count > 0) wake.tell({ ready: { names: JSON.parse(names!) as string[], count, low: low! } })
      if (count < 1000) return
    }
  }

  const admitNow = async (pairs: readonly { name: string; key: string }[]): Promise<void> => {
    if (pairs.length === 0) return
    const { rows } = await db.query<{ admitted: number }>(ADMIT, [pairs.map((p) => p.name), pairs.map((p) => p.key)])
    if (rows[0]!.admitted > 0) onReady()
  }

  /** Some keys at a time, and on from there: finds what a worker that died could not let go. */
  const admitHeld = async (): Promise<void> => {
    const { rows } = await db.query<{ name: string; key: string }>(HELD_KEYS, [after.name, after.key])
    after = rows.length < 500 ? { name: '', key: '' } : rows.at(-1)!
    await admitNow(rows)
  }

  const lanes = async (): Promise<void> => {
    const { rows } = await db.query<{ name: string }>(LANE_NAMES)
    if (rows.length > 0) onLanes(rows.map((row) => row.name))
  }

  const cancels = async (): Promise<void> => {
    if (running.size === 0) return
    const { rows } = await db.query<{ id: string; cancel: string }>(CANCELS, [[...running.keys()]])
    for (const { id, cancel } of rows) running.get(id)?.cancel(cancel)
  }

  const park = async (): Promise<void> => {
    const { rows } = await db.query<{ freed: number }>(PARK)
    if (rows[0]!.freed > 0) onReady()
  }

  const age = async (): Promise<void> => {
    const { rows } = await db.query<{ lifted: number }>(AGE, [starvedMs, concurrency, names])
    if (rows[0]!.lifted > 0) onReady(0)
  }

  const sweep = async (): Promise<void> => {
    const swept = await db.transaction(async (tx) => {
      const { rows } = await tx.query<{ id: string }>(SWEEP.find)
      if (rows.length === 0) return 0
      const ids = rows.map((row) => row.id)
      await tx.query(SWEEP.bury, [ids, MAX_LOST])
      const freed = await tx.query(SWEEP.free, [ids])
      await tx.query(SWEEP.forget, [ids])
      return freed.rowCount
    })
    if (swept === 0) return
    telemetry.log.warn('Freed the jobs of workers that no longer answer.', { jobs: swept })
    wake.tell({ ready: { names: [], count: swept, low: 0 } })
  }

  const writeProgress = async (): Promise<void> => {
    const rows: string[] = []
    for (const [id, { progress, job }] of running) {
      if (progress === undefined || written.get(id) === progress) continue
      written.set(id, progress)
      rows.push(`{${fence(job)},"progress":${progress}}`)
    }
    for (const id of written.keys()) if (!running.has(id)) written.delete(id)
    if (rows.length > 0) await db.query(PROGRESS, [list(rows)])
  }

  const writeStats = async (): Promise<void> => {
    const counts = watch.take()
    if (counts.length === 0) return
    await db.query(STATS, [JSON.stringify(counts)]).catch((error: unknown) => {
      watch.putBack(counts)
      throw error
    })
  }

  const deadRows = async (): Promise<number> => (await db.query<{ dead: number }>(DEAD_ROWS)).rows[0]?.dead ?? 0

  const tidy = async (): Promise<void> => {
    const before = await deadRows()
    if (before < MANY_DEAD || clock.elapsed() < tidyAgainAt) return
    await db.query(TIDY)
    if ((await deadRows()) >= before) tidyAgainAt = clock.elapsed() + USELESS_MS
  }

  const partitions = async (): Promise<void> => {
    await db.query('select tenfold.queue_partitions($1)', [KEEP_DAYS])
    for (const statement of PRUNE) await db.query(statement)
  }

  const every: { run: () => Promise<void>; ms: number; at: number; share?: number }[] = [
    { run: () => promote(), ms: TICK_MS, at: 0 },
    { run: admitHeld, ms: TICK_MS, at: 0 },
    { run: writeProgress, ms: TICK_MS, at: 0 },
    { run: cancels, ms: CHORES_MS, at: 0 },
    { run: lanes, ms: CHORES_MS, at: 0 },
    { run: park, ms: CHORES_MS, at: 0 },
    { run: age, ms: Math.min(CHORES_MS, starvedMs), at: 0 },
    { run: sweep, ms: leaseMs / 3, at: 0 },
    { run: writeStats, ms: STATS_MS, at: clock.elapsed() + STATS_MS },
    { run: tidy, ms: TIDY_MS, at: clock.elapsed() + TIDY_MS, share: 2 },
    { run: partitions, ms: HOUR, at: clock.elapsed() + HOUR },
  ]

  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what()
    } catch (error) {
      telemetry.log.warn('Housekeeping of the queue failed; it is tried again.', { reason: messageOf(error) })
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping) {
      const now = clock.elapsed()
      if (asked.size > 0) {
        const pairs = [...asked.values()]
        asked = new Map()
        await attempt(() => admitNow(pairs))
      }
      if (dueAt <= now) {
        dueAt = Infinity
        every[0]!.at = now
      }
      for (const task of every) {
        if (task.at > now || stopping) continue
        // Many processes that start together do not stay together.
        task.at = now + task.ms * (0.9 + Math.random() * 0.2)
        await attempt(task.run)
        // Behind an old snapshot everything takes longer; this must not become most of the work.
        task.at = Math.max(
          task.at,
          Math.min(now + HOUR, clock.elapsed() + (clock.elapsed() - now) * (task.share ?? SHARE)),
        )
      }
      const next = Math.min(dueAt, ...every.map((task) => task.at))
      await nudge.wait(Math.max(1, next - clock.elapsed()))
    }
  }

  return {
    prepare: partitions,
    start: () => void (loop = run()),
    async stop() {
      stopping = true
      nudge.fire()
      await loop
      await attempt(writeStats)
    },
    admit(pairs) {
      for (const pair of pairs) asked.set(`${pair.name}\n${pair.key}`, pair)
      if (pairs.length === 0) for (const task of every) if (task.run === admitHeld || task.run === lanes) task.at = 0
      nudge.fire()
    },
    seeCancelled() {
      for (const task of every) if (task.run === cancels) task.at = 0
      nudge.fire()
    },
    dueIn(ms) {
      dueAt = Math.min(dueAt, clock.elapsed() + ms)
      nudge.fire()
    },
  }
}

/** Demands out of what was seen: how often each route and job ran in each slot of time, and how much CPU that took in all. */
import type { ClassDemand, Demands, QueryDemand } from './plan.ts'

export interface Seen {
  /** In words: `the last 7 days`. */
  source: string
  slotSeconds: number
  /** CPU seconds of all the app's processes in each slot, and what ran in it. */
  slots: { cpu: number; counts: Record<string, number> }[]
  kinds: Record<string, 'request' | 'job' | 'cron'>
  /** Of each route and job, where it was seen: statements of one, milliseconds in the database, and its whole duration. */
  details: Record<string, { count: number; queries: number; databaseMs: number; meanMs: number; cv2: number }>
  /** Of the time in the database that the app sees, how much is work there; undefined when the database did not tell. */
  working: number | undefined
  /** Of the time in the database, what plain reads took. */
  reads: number
  /** By statement, over the same time. */
  queries?: { query: string; module: string; count: number; totalMs: number; reads: boolean }[]
}

const MOST_CLASSES = 40
/** So many slots of time without a request tell what goes on all the same. */
const ENOUGH_IDLE = 3

/** CPU is shared out by least squares over the slots, none below nought, drawn towards the mean where routes cannot be told
 *  apart (ridge regression); how far off that may be comes from resampling the slots. What goes on while nobody asks is taken
 *  off before: it does not grow with the requests. */
export function demandsFrom(seen: Seen): Demands {
  const { details, kinds, working, reads, slotSeconds, source } = seen
  const idle = idleCpuOf(seen)
  const slots = seen.slots.map(({ cpu, counts }) => ({ cpu: Math.max(0, cpu - idle), counts }))
  const totals: Record<string, number> = {}
  for (const { counts } of slots) for (const [name, n] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + n
  const names = Object.keys(totals)
    .toSorted((a, b) => totals[b]! - totals[a]!)
    .slice(0, MOST_CLASSES)
  const requests = names.filter((name) => kinds[name] === 'request').reduce((sum, name) => sum + totals[name]!, 0)
  const seconds = slots.length * slotSeconds
  const databaseCpuOf = (name: string): number => ((details[name]?.databaseMs ?? 0) / 1000) * (working ?? 1)
  /** Of the CPU of each name, what all of its calls took. */
  const all = (of: readonly number[], cron: boolean): number =>
    names.reduce((sum, name, i) => sum + ((kinds[name] === 'cron') === cron ? of[i]! * totals[name]! : 0), 0)
  const cpu = shareOut(slots, names)
  const perRequest = (of: readonly number[]): number => all(of, false) / Math.max(1, requests)
  const again = Array.from({ length: 40 }, (_, seed) => perRequest(shareOut(resampled(slots, seed), names)))
  const classes = names.flatMap((name, i): ClassDemand[] => {
    const { queries = 0, databaseMs = 0, meanMs = 0, cv2 = 1 } = details[name] ?? {}
    const kind = kinds[name] ?? 'request'
    if (kind === 'cron') return []
    const database = databaseMs / 1000
    const databaseCpu = databaseCpuOf(name)
    return [
      {
        name,
        kind,
        share: totals[name]! / Math.max(1, requests),
        appCpu: cpu[i]!,
        databaseCpu,
        databaseOther: database - databaseCpu,
        queries,
        reads: queries > 0 ? reads : 0,
        outside: Math.max(0, meanMs / 1000 - database - cpu[i]!),
        cv2: Math.min(4, Math.max(0.05, cv2)),
      },
    ]
  })
  const perSlot = slots.map(({ counts }) =>
    names.filter((name) => kinds[name] === 'request').reduce((sum, name) => sum + (counts[name] ?? 0), 0),
  )
  return {
    version: 1,
    source,
    rate: requests / Math.max(1, seconds),
    peakRate: Math.max(0, ...perSlot) / slotSeconds,
    seconds,
    classes,
    background: {
      appCpu: idle / slotSeconds + all(cpu, true) / Math.max(1, seconds),
      databaseCpu: all(names.map(databaseCpuOf), true) / Math.max(1, seconds),
    },
    ...(seen.queries && { queries: queriesOf(seen.queries, requests) }),
    uncertainty: { app: spreadOf(again, perRequest(cpu)), database: working === undefined ? 3 : 1.3 },
    unknown: unknownOf(seen, requests),
  }
}

/** The CPU of the middle one of the slots in which nothing ran, not even a cron, in seconds; 0 when there were too few. */
function idleCpuOf({ slots }: Seen): number {
  const idle = slots
    .filter(({ counts }) => Object.values(counts).every((count) => count === 0))
    .map(({ cpu }) => cpu)
    .toSorted((a, b) => a - b)
  return idle.length < ENOUGH_IDLE ? 0 : idle[Math.floor(idle.length / 2)]!
}

function queriesOf(queries: NonNullable<Seen['queries']>, requests: number): QueryDemand[] {
  const all = queries.reduce((sum, { totalMs }) => sum + totalMs, 0)
  return queries.map(({ query, module, count, totalMs, reads }) => ({
    query,
    module,
    calls: count / Math.max(1, requests),
    seconds: totalMs / Math.max(1, count) / 1000,
    share: totalMs / Math.max(1e-9, all),
    reads,
  }))
}

function unknownOf({ working, slots }: Seen, requests: number): string[] {
  return [
    'not measured: disk writes and the log of the database; a disk that is full of work shows as time with a connection, and stays as it is',
    'not measured: memory, and how much of the data fits into it on another machine',
    working === undefined
      ? 'not measured: the CPU of the database (pg_stat_statements does not answer). All time in the database is counted as its CPU, which is the worst case'
      : 'the CPU of the database is the time that statements executed there (pg_stat_statements), waiting for disks included',
    'assumed: crons, and what the processes do while nobody asks, stay as they are; the plan keeps room for them',
    'assumed: plain reads are those statements that begin with select; all of them may go to a replica or a cache',
    'assumed: a replica spends 30 % of what the writes cost on the primary to repeat them',
    ...(requests < 1000 || slots.length < 10
      ? [`little was seen: ${requests} requests in ${slots.length} slots of time`]
      : []),
  ]
}

type Slots = Seen['slots']

/** Minimises the squares of what each slot is off, plus a pull to the mean; coordinate by coordinate, never below nought. */
export function shareOut(slots: Slots, names: readonly string[]): number[] {
  const all = slots.reduce((sum, { counts }) => sum + names.reduce((n, name) => n + (counts[name] ?? 0), 0), 0)
  const mean = slots.reduce((sum, { cpu }) => sum + cpu, 0) / Math.max(1, all)
  const columns = names.map((name) => slots.map(({ counts }) => counts[name] ?? 0))
  const squares = columns.map((column) => column.reduce((sum, n) => sum + n * n, 0))
  const pulls = squares.map((square) => square * 1e-4)
  const found = names.map(() => mean)
  const left = slots.map(({ cpu }, row) => cpu - columns.reduce((sum, column) => sum + column[row]! * mean, 0))
  for (let round = 0; round < 1000; round++) {
    let moved = 0
    for (const [i, column] of columns.entries()) {
      const gradient = column.reduce((sum, n, row) => sum + n * left[row]!, 0) + pulls[i]! * (mean - found[i]!)
      const next = Math.max(0, found[i]! + gradient / (squares[i]! + pulls[i]! || 1))
      const by = next - found[i]!
      if (by === 0) continue
      for (const [row, n] of column.entries()) left[row]! -= n * by
      found[i] = next
      moved = Math.max(moved, Math.abs(by))
    }
    if (moved < mean * 1e-6) break
  }
  return found
}

function resampled(slots: Slots, seed: number): Slots {
  // A fixed sequence is enough: the interval has to be the same for the same data.
  return slots.map((_, i) => slots[(i * 7919 + (seed + 1) * 104_729 + ((i * i * (seed + 3)) % 977)) % slots.length]!)
}

/** The factor within which 95 % of the resampled values lie; never below a tenth. */
function spreadOf(values: readonly number[], center: number): number {
  if (center <= 0) return 2
  const factors = values
    .map((value) => Math.max(value / center, center / Math.max(value, center / 10)))
    .toSorted((a, b) => a - b)
  return Math.max(1.1, factors[Math.floor(factors.length * 0.95)] ?? 1.1)
}

/** The same demands with more or less CPU: what an interval is made of. */
export function scaled(demands: Demands, direction: 'more' | 'less'): Demands {
  const by = (factor: number): number => (direction === 'more' ? factor : 1 / factor)
  const { app, database } = demands.uncertainty
  return {
    ...demands,
    classes: demands.classes.map((one) => ({
      ...one,
      appCpu: one.appCpu * by(app),
      databaseCpu: one.databaseCpu * by(database),
    })),
  }
}

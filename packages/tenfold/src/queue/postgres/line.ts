/** What was claimed and has not begun: the most urgent first, and batches when they are full or have waited long enough. */
import type { Clock } from '../../kernel/index.ts'
import type { JobWork } from '../queue.ts'
import { byPlace } from './columns.ts'
import type { Claimed } from './run.ts'

export interface Line {
  readonly length: number
  readonly jobs: readonly Claimed[]
  /** How much work that is, in jobs: a page of events is as many as it has. */
  readonly weight: number
  add(jobs: readonly Claimed[]): void
  /** What to begin next: one job, or a batch; undefined if there is none yet. */
  next(): Claimed[] | undefined
  /** When a batch that is not full has waited long enough, in ms from now. */
  dueIn(): number
  /** Takes out what lies beyond so much work, from the end. */
  cut(most: number): Claimed[]
  /** Takes out everything. */
  clear(): Claimed[]
}

export function createLine(works: ReadonlyMap<string, JobWork>, clock: Clock): Line {
  let jobs: Claimed[] = []
  let weight = 0
  const batches = [...works.values()].some((work) => 'batch' in work)
  const arrived = new WeakMap<Claimed, number>()

  const nextWithBatches = (): Claimed[] | undefined => {
    const passed = new Set<string>()
    for (const [at, job] of jobs.entries()) {
      const work = works.get(job.name)!
      if (!('batch' in work)) return jobs.splice(at, 1)
      if (passed.has(job.name)) continue
      passed.add(job.name)
      const together = jobs.filter((other) => other.name === job.name).slice(0, work.batch.size)
      if (together.length < work.batch.size && waitOf(together, work.batch.waitMs) > 0) continue
      jobs = jobs.filter((other) => !together.includes(other))
      return together
    }
    return undefined
  }

  const waitOf = (together: readonly Claimed[], waitMs: number): number =>
    Math.min(...together.map((job) => arrived.get(job)!)) + waitMs - clock.elapsed()

  const out = (taken: Claimed[]): Claimed[] => {
    weight -= weightOf(taken)
    return taken
  }

  const next = (): Claimed[] | undefined =>
    batches ? nextWithBatches() : jobs.length > 0 ? [jobs.shift()!] : undefined

  return {
    get length() {
      return jobs.length
    },
    get jobs() {
      return jobs
    },
    get weight() {
      return weight
    },
    add(more) {
      if (more.length === 0) return
      weight += weightOf(more)
      // A claim answers in whatever order the database found its rows.
      let last = jobs.at(-1)
      let inOrder = true
      for (const job of more) {
        if (last && byPlace(job, last) < 0) inOrder = false
        last = job
        jobs.push(job)
      }
      if (!inOrder) jobs.sort(byPlace)
      if (batches) for (const job of more) arrived.set(job, clock.elapsed())
    },
    next() {
      const jobs = next()
      return jobs && out(jobs)
    },
    dueIn() {
      if (!batches) return Infinity
      const waits = jobs.map((job) => {
        const work = works.get(job.name)!
        return 'batch' in work ? waitOf([job], work.batch.waitMs) : Infinity
      })
      return Math.max(0, Math.min(...waits))
    },
    cut(most) {
      let at = jobs.length
      for (let left = weight; at > 0 && left > most;) left -= weightOf([jobs[--at]!])
      return out(jobs.splice(at))
    },
    clear: () => out(jobs.splice(0)),
  }
}

/** A page of events counts as many as it has. */
export function weightOf(jobs: readonly Claimed[]): number {
  let weight = 0
  for (const { more } of jobs) weight += more?.extra?.many ?? 1
  return weight
}

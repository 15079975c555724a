/** What was claimed and has not begun: the most urgent first, and batches when they are full or have waited long enough. */
import type { Clock } from '../../kernel/index.ts'
import type { JobWork } from '../queue.ts'
import { byPlace } from './columns.ts'
import type { Claimed } from './run.ts'

export interface Line {
  readonly length: number
  readonly jobs: readonly Claimed[]
  add(jobs: readonly Claimed[]): void
  /** What to begin next: one job, or a batch; undefined if there is none yet. */
  next(): Claimed[] | undefined
  /** When a batch that is not full has waited long enough, in ms from now. */
  dueIn(): number
  /** Takes out everything. */
  clear(): Claimed[]
}

export function createLine(works: ReadonlyMap<string, JobWork>, clock: Clock): Line {
  let jobs: Claimed[] = []
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

  return {
    get length() {
      return jobs.length
    },
    get jobs() {
      return jobs
    },
    add(more) {
      if (more.length === 0) return
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
    next: () => (batches ? nextWithBatches() : jobs.length > 0 ? [jobs.shift()!] : undefined),
    dueIn() {
      if (!batches) return Infinity
      const waits = jobs.map((job) => {
        const work = works.get(job.name)!
        return 'batch' in work ? waitOf([job], work.batch.waitMs) : Infinity
      })
      return Math.max(0, Math.min(...waits))
    },
    clear: () => jobs.splice(0),
  }
}

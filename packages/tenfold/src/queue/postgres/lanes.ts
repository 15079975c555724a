/** A worker's share of the jobs that have lanes. They are claimed one free place at a time, and begun at once, so that what
 *  runs is what the limits count. While some wait, half of the worker's places are kept for them. */
import type { SystemDatabase } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { claimLanes } from './report.ts'
import type { Claimed } from './run.ts'

export interface Lanes {
  /** Jobs of these names may be waiting. */
  hear(names: readonly string[]): void
  /** Places that plain jobs must leave free. */
  reserved(): number
  /** Whether a claim could give something now. */
  waiting(): boolean
  /** When to look again, in ms from now. */
  dueIn(): number
  claim(worker: number, places: number): Promise<Claimed[]>
  began(job: Claimed): void
  ended(job: Claimed): void
}

export function createLanes(
  db: SystemDatabase,
  clock: Clock,
  concurrency: number,
  handles: (name: string) => boolean,
): Lanes {
  const names = new Set<string>()
  let running = 0
  let lastWasOurs = false
  /** After a claim that gave nothing: when a rate lets the next one go. */
  let again = Infinity
  let later: string[] = []

  const waiting = (): boolean => {
    if (again <= clock.elapsed() && later.length > 0) {
      for (const name of later) names.add(name)
      later = []
      again = Infinity
    }
    return names.size > 0
  }

  return {
    waiting,
    hear(told) {
      for (const name of told) if (handles(name)) names.add(name)
    },
    reserved() {
      if (names.size === 0) return 0
      const half = Math.floor(concurrency / 2)
      return Math.max(0, (half === 0 && !lastWasOurs ? 1 : half) - running)
    },
    dueIn: () => (later.length > 0 ? Math.max(0, again - clock.elapsed()) : Infinity),
    async claim(worker, places) {
      const asked = [...names]
      names.clear()
      const { jobs, retryIn } = await claimLanes(db, worker, asked, places).catch((error: unknown) => {
        for (const name of asked) names.add(name)
        throw error
      })
      // As many as there were places: there may be more.
      if (jobs.length >= places) for (const name of asked) names.add(name)
      if (retryIn !== null) {
        later = [...new Set([...later, ...asked])]
        again = Math.min(again, clock.elapsed() + Math.max(1, retryIn))
      }
      return jobs
    },
    began(job) {
      lastWasOurs = isOurs(job)
      if (lastWasOurs) running++
    },
    ended(job) {
      if (!isOurs(job)) return
      running--
      names.add(job.name)
    },
  }
}

function isOurs(job: Claimed): boolean {
  return job.more !== null && job.more.lane !== null
}

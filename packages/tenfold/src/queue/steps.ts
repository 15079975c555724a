/** Steps, sleeps and waits of one run, over a journal that outlives it. A run that has to wait ends by throwing
 *  TF_JOB_SUSPENDED, so that its `finally` blocks run; a later run gets here again through the steps that are finished.
 *
 *    step ── in the journal ──> its result
 *      └─── not there ──> run it ──> write it ──> its result
 *    sleep ── not there ──> write its end ──> suspended          wait ── the same, until the event or its time-out is there
 *      └─── there ── over ──> go on
 *                └── not over ──> suspended */
import { JobStepTooLarge, JobStepTwice, JobSuspended } from './errors.ts'
import type { ArrivedEvent, RunningJob, WantedEvent } from './queue.ts'

/** A step that is there. Without `leftMs` it is finished; else it waits, for so long at most. */
export interface Entry {
  result: unknown
  leftMs?: number
}

export interface Journal {
  load(): Promise<Map<string, Entry>>
  /** Writes the result of a step, for good. */
  finish(step: string, json: string): Promise<void>
  /** Begins a sleep. */
  sleep(step: string, ms: number): Promise<Entry>
  /** Begins to wait; finished at once if the event is there. */
  wait(step: string, wanted: WantedEvent): Promise<Entry>
  /** Ends a wait whose time is up; gives the event if that came first. */
  timeOut(step: string): Promise<Entry>
}

export interface Suspension {
  leftMs: number
  /** An event may end it sooner. */
  waits: boolean
}

export interface Steps extends Pick<RunningJob, 'step' | 'sleep' | 'waitForEvent'> {
  /** Why this run ended, if it did not end by itself. */
  suspension(): Suspension | undefined
}

const MAX_RESULT = 262_144

export function createSteps(job: string, journal: Journal): Steps {
  const seen = new Set<string>()
  let loaded: Promise<Map<string, Entry>> | undefined
  let suspension: Suspension | undefined
  let sleeps = 0

  const begin = async (step: string): Promise<Entry | undefined> => {
    if (suspension) throw JobSuspended({ name: job })
    if (seen.has(step)) throw JobStepTwice({ name: job, step })
    seen.add(step)
    return (await (loaded ??= journal.load())).get(step)
  }

  const suspend = (leftMs: number, waits: boolean): never => {
    suspension = { leftMs, waits }
    throw JobSuspended({ name: job })
  }

  return {
    suspension: () => suspension,
    async step<T>(name: string, run: () => Promise<T>): Promise<T> {
      const entry = await begin(name)
      if (entry) return entry.result as T
      const result = await run()
      const json = JSON.stringify(result ?? null) ?? 'null'
      const bytes = Buffer.byteLength(json)
      if (bytes > MAX_RESULT) throw JobStepTooLarge({ name: job, step: name, bytes, limit: MAX_RESULT })
      await journal.finish(name, json)
      // What the next run will be given: dates are text by then, so they are text now.
      return (result === undefined ? undefined : JSON.parse(json)) as T
    },
    async sleep(ms, name) {
      const step = name ?? `sleep ${++sleeps}`
      const { leftMs = 0 } = (await begin(step)) ?? (await journal.sleep(step, ms))
      if (leftMs > 0) suspend(leftMs, false)
    },
    async waitForEvent(wanted) {
      const step = wanted.name ?? wanted.event
      let entry = (await begin(step)) ?? (await journal.wait(step, wanted))
      if (entry.leftMs !== undefined && entry.leftMs > 0) suspend(entry.leftMs, true)
      if (entry.leftMs !== undefined) entry = await journal.timeOut(step)
      return (entry.result as ArrivedEvent | null) ?? undefined
    },
  }
}

/** Jobs that are run together. Each has a run of its own, with its own signal and outcome; what they share is one call. */
import type { BatchWork, RunningJob } from '../queue.ts'
import { inTrace, JobRun, type Claimed, type Run, type RunTools } from './run.ts'

export function startBatch(jobs: readonly Claimed[], work: BatchWork, tools: RunTools): Run[] {
  const entered = new Map<Claimed, RunningJob>()
  let open = (): void => {}
  /** When every job of the batch has entered, or has been refused. */
  const gathered = new Promise<void>((resolve) => (open = resolve))
  const results = gathered.then(async () => {
    const present = jobs.filter((job) => entered.has(job))
    if (present.length === 0) return new Map<Claimed, unknown>()
    const given = await inTrace(tools.telemetry, present[0]!, present.length, () =>
      work.runBatch(present.map((job) => entered.get(job)!)),
    )
    return new Map(present.map((job, i) => [job, given?.[i]]))
  })
  results.catch(() => {})
  let awaited = jobs.length
  const arrive = (): void => void (--awaited === 0 && open())

  return jobs.map((job) => {
    let arrived = false
    const run = new JobRun(job, work, tools, async (running, self) => {
      entered.set(job, running)
      arrived = true
      arrive()
      const result = (await self.until(() => results, false))!.get(job)
      if (result instanceof Error) throw result
      return result
    })
    void run.outcome.then(() => void (!arrived && arrive()))
    return run
  })
}

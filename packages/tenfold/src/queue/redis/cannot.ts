/** Where jobs on Redis differ from the promises of queue.ts: data, which `tenfold check` prints and the contract suite reads. */

/** Promises that the engine does not keep: what needs them is refused at start, or at `enqueue` with TF_JOB_ENGINE. */
export const REDIS_CANNOT = {
  Q10: 'BullMQ counts concurrency per key only in its paid edition: jobs with `concurrency` belong on postgres',
} as const

/** Promises that it keeps under a condition. */
export const REDIS_DEPENDS = {
  Q2: 'a job enqueued without `tx` survives a crash of the machine of Redis only with `appendfsync always`: `everysec` may lose a second',
  Q3: 'the list of finished jobs is short (1,000 of a name, for a day), since it lies in memory',
  Q7: 'the clocks of the processes decide: keep them in step. With `tx` the clock of the database decides',
  Q8: 'among the jobs of one name: several names of one worker take turns',
  Q9: 'while a job enqueued with `tx` is on its way to Redis, the same key can be enqueued again: one of both runs, and the id of the other leads nowhere',
} as const

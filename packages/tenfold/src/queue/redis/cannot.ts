/** Where jobs on Redis differ from the promises of queue.ts: data, which `tenfold check` prints and the contract suite reads. */

/** Promises that the engine does not keep: what needs them is refused at start, or at `enqueue` with TF_JOB_ENGINE. */
export const REDIS_CANNOT = {
  Q10: 'BullMQ counts concurrency per key only in its paid edition: jobs with `concurrency` belong on postgres',
  Q20: 'a unique key on Redis keeps the job that holds it, and has no window',
  Q23: 'BullMQ has groups only in its paid edition: jobs with a `tenant` belong on postgres',
  Q24: 'BullMQ counts rates per key only in its paid edition: jobs with a `rate` belong on postgres',
  Q25: 'BullMQ counts concurrency per key only in its paid edition: jobs with `concurrency` belong on postgres',
  Q28: 'what comes after what is settled in the transaction that ends a job: such jobs belong on postgres',
  Q34: 'the order of events is kept by lanes in the database: subscribers with `ordered` belong on postgres',
} as const

/** Promises that it keeps under a condition. */
export const REDIS_DEPENDS = {
  Q2: 'a job enqueued without `tx` survives a crash of the machine of Redis only with `appendfsync always`: `everysec` may lose a second. With `tx` it is kept in Postgres until it has run',
  Q3: 'the list of finished jobs is short (1,000 of a name, for a day), since it lies in memory',
  Q7: 'the clocks of the processes decide: keep them in step. With `tx` the clock of the database decides',
  Q8: 'among the jobs of one name: several names of one worker take turns',
  Q9: 'while a job enqueued with `tx` is on its way to Redis, the same key can be enqueued again: one of both runs, and the id of the other leads nowhere',
  Q17: 'a run is told within about a second',
  Q21: '`keepMs: 0` is kept; else at most 1,000 finished jobs of a name, for a day at most: they lie in memory',
  Q26: 'the clocks of the processes decide; a job that has run before counts from when it is the next of its priority',
  Q29: 'steps lie in Redis: a crash of its machine may cost the last second of them, a flush all; the job then runs from its beginning',
  Q30: 'events are looked for once a second; which came before the job, the clocks of the processes decide',
  Q33: 'among the newest 5,000 of each name and state: BullMQ keeps no index of what jobs say',
} as const

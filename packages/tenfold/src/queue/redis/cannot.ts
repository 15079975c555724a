/** Where jobs on Redis differ from the promises of queue.ts: data, which `tenfold check` prints and the contract suite reads. */

/** Promises that the engine does not keep: what needs them is refused at start, or at `enqueue` with TF_JOB_ENGINE. */
export const REDIS_CANNOT = {
  Q10: 'BullMQ counts concurrency per key only in its paid edition: jobs with `concurrency` belong on postgres',
  Q17: 'BullMQ cannot end a job that another process runs: jobs that are cancelled belong on postgres',
  Q18: 'what is paused is written in the database, where workers on Redis do not look',
  Q20: 'a unique key on Redis keeps the job that holds it, and has no window',
  Q21: 'finished jobs lie in memory: few are kept, whatever they say',
  Q22: 'workers on Redis do not look at versions: make the schema accept both forms',
  Q23: 'BullMQ has groups only in its paid edition: jobs with a `tenant` belong on postgres',
  Q24: 'BullMQ counts rates per key only in its paid edition: jobs with a `rate` belong on postgres',
  Q25: 'BullMQ counts concurrency per key only in its paid edition: jobs with `concurrency` belong on postgres',
  Q26: 'BullMQ serves the most urgent first for ever',
  Q27: 'BullMQ has batches only in its paid edition: batch handlers belong on postgres',
  Q28: 'what comes after what is settled in the transaction that ends a job: such jobs belong on postgres',
  Q29: 'steps are rows beside the lease, in the database: jobs with steps belong on postgres',
  Q30: 'sleeps and waits are rows beside the lease, in the database: such jobs belong on postgres',
  Q31: 'steps are rows beside the lease, in the database: jobs with steps belong on postgres',
  Q32: 'payloads are encrypted by the queue on postgres only',
  Q33: 'BullMQ keeps no index of what jobs say: they are found by name, state and id',
  Q34: 'the order of events is kept by lanes in the database: subscribers with `ordered` belong on postgres',
} as const

/** Promises that it keeps under a condition. */
export const REDIS_DEPENDS = {
  Q2: 'a job enqueued without `tx` survives a crash of the machine of Redis only with `appendfsync always`: `everysec` may lose a second',
  Q3: 'the list of finished jobs is short (1,000 of a name, for a day), since it lies in memory',
  Q7: 'the clocks of the processes decide: keep them in step. With `tx` the clock of the database decides',
  Q8: 'among the jobs of one name: several names of one worker take turns',
  Q9: 'while a job enqueued with `tx` is on its way to Redis, the same key can be enqueued again: one of both runs, and the id of the other leads nowhere',
} as const

import { JOB, type Place, type System } from './system.ts'

/** For throughput: large batches, fetched again as long as they come back full. For latency: LISTEN/NOTIFY. */
export async function openPgBoss({ url, peers, quick }: Place): Promise<System> {
  const { PgBoss } = await peers('pg-boss')
  const boss = new PgBoss({
    connectionString: url,
    max: 50,
    schedule: false,
    ...(quick && { useListenNotify: true }),
  })
  boss.on('error', () => {})
  await boss.start()
  const { default: pg } = await peers('pg')
  const sql = new pg.Pool({ connectionString: url, max: 2 })
  const name = quick ? `${JOB}-quick` : JOB
  await boss.createQueue(name, quick ? { notify: true } : {})
  return {
    clear: () => boss.deleteAllJobs(name),
    add: (payload) => boss.send(name, payload),
    addMany: (payloads) =>
      boss.insert(
        name,
        payloads.map((data) => ({ data })),
      ),
    async work(concurrency, run) {
      const batches = quick
        ? { batchSize: 1, localConcurrency: concurrency }
        : concurrency === 1
          ? { batchSize: 500, localConcurrency: 1 }
          : { batchSize: 250, localConcurrency: 4 }
      const options = { ...batches, pollingIntervalSeconds: 0.5, ...(!quick && { burstWhenBatchFull: true }) }
      await boss.work(name, options, async (jobs: { data: object }[]) => jobs.forEach(({ data }) => run(data)))
      return () => boss.offWork(name, { wait: true })
    },
    async left() {
      const { rows } = await sql.query(
        `select count(*)::int as left from pgboss.job where name = $1 and state < 'completed'`,
        [name],
      )
      return (rows as { left: number }[])[0]!.left
    },
    async close() {
      await boss.stop({ graceful: true, timeout: 5000 })
      await sql.end()
    },
  }
}

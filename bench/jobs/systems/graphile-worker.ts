import { JOB, type Place, type System } from './system.ts'

/** With the preset of its own performance page: a local queue of 500, completions and failures in batches. It keeps no history. */
export async function openGraphile({ url, peers }: Place): Promise<System> {
  const { run: start, makeWorkerUtils, Logger } = await peers('graphile-worker')
  const { default: pg } = await peers('pg')
  const pool = poolOf(pg, url, 50)
  const logger = new Logger(() => () => {})
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.migrate()
  return {
    clear: () => pool.query('delete from graphile_worker._private_jobs'),
    add: (payload) => utils.addJob(JOB, payload),
    addMany: (payloads) => utils.addJobs(payloads.map((payload) => ({ identifier: JOB, payload }))),
    async work(concurrency, run) {
      const workers = poolOf(pg, url, 20)
      const runner = await start({
        pgPool: workers,
        logger,
        noHandleSignals: true,
        crontab: '',
        taskList: { [JOB]: (payload: object) => run(payload) },
        preset: {
          worker: {
            concurrentJobs: concurrency,
            localQueue: { size: 500 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      })
      return async () => {
        await runner.stop()
        await workers.end()
      }
    },
    async left() {
      const { rows } = await pool.query('select count(*)::int as left from graphile_worker._private_jobs')
      return (rows as { left: number }[])[0]!.left
    },
    async close() {
      await utils.release()
      await pool.end()
    },
  }
}

/** Without both listeners it prints a warning. */
// oxlint-disable-next-line typescript/no-explicit-any
function poolOf(pg: any, url: string, max: number): any {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', () => {})
  pool.on('connect', (client: { on(event: string, listener: () => void): void }) => client.on('error', () => {}))
  return pool
}

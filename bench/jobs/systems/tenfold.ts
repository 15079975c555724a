import { migrate, openDatabase, type RoleMode } from '../../../packages/tenfold/src/database/index.ts'
import { migrations, openQueue } from '../../../packages/tenfold/src/queue/index.ts'
import { createTelemetry } from '../../../packages/tenfold/src/telemetry/index.ts'
import { JOB, payloadOf, type Place, type System } from './system.ts'

/** In one statement. */
const FILLED = 100_000

const APP = { app: 'bench', secretKey: 'a secret key for the benchmark, and nothing else' }

export async function prepareTenfold(url: string): Promise<Record<string, string>> {
  return { roleMode: (await migrate({ url, ...APP, sources: [migrations] })).roleMode }
}

/** As an app has it: every promise of the contract, history, telemetry on (its lines go nowhere). */
export async function openTenfold({ url, prepared }: Place): Promise<System> {
  const telemetry = createTelemetry({ service: 'bench', env: 'production', destination: { write: () => {} } })
  const roleMode = prepared.roleMode as RoleMode
  const database = openDatabase({ url, ...APP, roleMode, telemetry, maxConnections: 20 })
  await database.service.start()
  const db = database.system
  const queue = openQueue({ db, telemetry })
  return {
    async clear() {
      for (const table of ['job', 'job_done', 'job_dead', 'job_stat']) await db.query(`delete from tenfold.${table}`)
    },
    add: (payload) => queue.enqueue([{ name: JOB, payload }]),
    addMany: (payloads) => queue.enqueue(payloads.map((payload) => ({ name: JOB, payload }))),
    async fill(count) {
      for (let at = 0; at < count; at += FILLED)
        await db.query(
          `select count(*) from (select tenfold.enqueue_plain(array[$1::text], '{0,10,60000,1000,3600000}', array_fill(1, array[1000]),
             array_fill(null::text, array[1000]), jsonb_agg($2::text::jsonb))
           from generate_series(1, $3::int) as n group by (n - 1) / 1000) as filled`,
          [JOB, JSON.stringify(payloadOf(0)), Math.min(FILLED, count - at)],
        )
    },
    async work(concurrency, run) {
      const handler = async ({ payload }: { payload: unknown }): Promise<void> => run(payload as object)
      const worker = queue.work({ concurrency, handlers: new Map([[JOB, handler]]) })
      await worker.start()
      return () => worker.stop()
    },
    async left() {
      const { rows } = await db.query<{ left: number }>('select count(*)::int as left from tenfold.job')
      return rows[0]!.left
    },
    async close() {
      await queue.close()
      await database.service.stop()
      await telemetry.close()
    },
  }
}

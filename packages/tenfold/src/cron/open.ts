/** The only file that names the backends of crons. */
import type { Cron } from './cron.ts'
import { openPostgresCron, type PostgresCronOptions } from './postgres/cron.ts'

export type CronOptions = PostgresCronOptions

/** Throws TF_CRON_INVALID, TF_CRON_NEVER_FIRES or TF_CRON_DUPLICATE for a definition that cannot work.
 *  @example
 *  const cron = openCron({ db, telemetry, jobs: queue, crons: [{ name: 'orders.expire', schedule: '0 * * * *' }] })
 *  await cron.schedule().start()        // each hour one job 'cron:orders.expire', however many processes do this */
export function openCron(options: CronOptions): Cron {
  return openPostgresCron(options)
}

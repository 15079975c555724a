/** The only file that names the queue's backends. */
import { openEngines, type Engine, type EnginesOptions } from './engines.ts'
import { openPostgresQueue, type PostgresQueue, type PostgresQueueOptions } from './postgres/queue.ts'

export type QueueOptions = PostgresQueueOptions
export { openEngines, type Engine, type EnginesOptions }

/** @example
 *  const queue = openQueue({ db: database.system, telemetry })
 *  const worker = queue.work({ handlers: new Map([['orders.send-receipt', sendReceipt]]) })
 *  await worker.start() */
export function openQueue(options: QueueOptions): PostgresQueue {
  return openPostgresQueue(options)
}

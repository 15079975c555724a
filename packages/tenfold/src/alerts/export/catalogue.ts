/** Kind and unit of the metrics that rules are about: they are part of the name that Prometheus knows. A test compares them
 *  with what an app measures. */
import type { MetricPoint } from '../../telemetry/index.ts'

export type KnownMetric = Pick<MetricPoint, 'kind' | 'unit'>

const gauge = (unit: string): KnownMetric => ({ kind: 'gauge', unit })
const counter = (unit: string): KnownMetric => ({ kind: 'counter', unit })
const histogram = (unit: string): KnownMetric => ({ kind: 'histogram', unit })

export const CATALOGUE: Readonly<Record<string, KnownMetric>> = {
  'http.server.request.duration': histogram('s'),
  'tenfold.process.lost': gauge('{process}'),
  'nodejs.eventloop.utilization': gauge('1'),
  'nodejs.eventloop.delay.p99': gauge('s'),
  'process.memory.utilization': gauge('1'),
  'db.client.connection.wait_time': histogram('s'),
  'tenfold.db.server.connection.utilization': gauge('1'),
  'tenfold.db.server.deadlocks': counter('{deadlock}'),
  'tenfold.db.server.idle_in_transaction': gauge('s'),
  'tenfold.db.server.xid_age': gauge('{transaction}'),
  'tenfold.db.server.slot.retained': gauge('{gigabyte}'),
  'tenfold.db.replica.lag': gauge('s'),
  'tenfold.db.replica.up': gauge('1'),
  'tenfold.queue.oldest_age': gauge('s'),
  'tenfold.queue.dead': gauge('{job}'),
  'tenfold.job.duration': histogram('s'),
  'tenfold.cron.missed': gauge('{tick}'),
  'tenfold.backup.missed': gauge('{backup}'),
  'tenfold.redis.failures': counter('{failure}'),
  'system.cpu.utilization': gauge('1'),
  'system.memory.utilization': gauge('1'),
  'system.filesystem.utilization': gauge('1'),
  'tenfold.disk.full_in': gauge('{hour}'),
  'tenfold.certificate.days': gauge('{day}'),
}

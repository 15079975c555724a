import type { FindingCode } from '../verdict.ts'

/** What is said of what was looked at and is not the problem. */
export const FINE: Readonly<Record<FindingCode, string>> = {
  'connect-per-request': 'connections are used again',
  'cpu-bound-route': 'no single route fills the event loop',
  'cron-interferes': 'no cron slows requests down',
  'database-cpu': 'the database has processors left',
  'database-far': 'the way to the database is short',
  'database-shares-host': 'app and database do not fight for a machine',
  'dead-rows': 'tables are cleaned up',
  'disk-bound': 'the database does not wait for its disk',
  'event-loop-full': 'the event loop has room',
  'event-loop-stalls': 'the event loop does not stand still',
  'host-is-busy': 'nobody else takes the machine',
  'lock-contention': 'nobody waits for locks',
  'long-transaction': 'no transaction is left open',
  'low-hit-ratio': 'caches have what they are asked for',
  'memory-grows': 'memory is given back',
  'missing-index': 'no statement reads much for little',
  'n-plus-one': 'no route asks once for each row',
  'over-fetch': 'no route reads far more than it needs',
  'poison-job': 'jobs succeed',
  'pool-too-small': 'nobody waits for a connection',
  'replica-lags': 'replicas follow',
  'slow-call': 'no route waits for other services',
  'too-few-workers': 'jobs are done as fast as they come',
  'too-many-connections': 'the server has connections left',
}

/** The rules that every app has. Each can be changed or left out in tenfold.config.ts, by its name. Thresholds follow the
 *  Site Reliability Workbook (error budgets), awesome-prometheus-alerts and the defaults of Postgres monitors where three or
 *  more of them agree; each has a section in docs/runbook.md. */
import type { AlertRule } from './rule.ts'

export interface Promises {
  /** The share of requests that has to go well. Defaults to 0.999. */
  objective?: number
  /** Within which most requests have to be answered, in milliseconds. Defaults to 1000. */
  p95Ms?: number
}

export function defaultRules({ objective = 0.999, p95Ms = 1000 }: Promises = {}): AlertRule[] {
  return [...users(objective, p95Ms), ...PROCESSES, ...DATABASE, ...WORK, ...MACHINE, ADVICE]
}

function users(objective: number, p95Ms: number): AlertRule[] {
  const todo = 'Look at the failing routes in the console, and at what was deployed last.'
  const budget = `of ${Number((100 * (1 - objective)).toFixed(4))} % that may fail`
  return [
    {
      name: 'error-budget-fast',
      severity: 'page',
      says: `Requests fail {value} times as fast as the budget ${budget} allows.`,
      todo,
      when: { burn: { objective, factor: 14.4, long: '1h', short: '5m' } },
    },
    {
      name: 'error-budget-slow',
      severity: 'page',
      says: `Requests fail {value} times as fast as the budget ${budget} allows, for hours.`,
      todo,
      when: { burn: { objective, factor: 6, long: '6h', short: '30m' } },
      inhibitedBy: ['error-budget-fast'],
    },
    {
      name: 'error-budget-trickle',
      severity: 'ticket',
      says: `The budget ${budget} will be used up within the month: {value} times as fast as allowed.`,
      todo,
      when: { burn: { objective, factor: 1, long: '3d', short: '6h' } },
      inhibitedBy: ['error-budget-fast', 'error-budget-slow'],
    },
    {
      name: 'errors',
      severity: 'warn',
      says: '{percent} of the requests of the last ten minutes failed.',
      todo,
      when: { requests: 'errors', above: 0.1, until: 0.05, over: '10m', atLeast: 10 },
      inhibitedBy: ['error-budget-fast', 'error-budget-slow'],
    },
    {
      name: 'latency',
      severity: 'warn',
      says: `5 % of the requests take longer than {value} ms; ${p95Ms} ms were promised.`,
      todo: 'See which route is slow, and what it waits for: its slowest trace says whether it is the database, a call, or the event loop.',
      when: { requests: 'p95', above: p95Ms, until: p95Ms * 0.8, over: '5m' },
      for: '5m',
    },
  ]
}

const PROCESSES: AlertRule[] = [
  {
    name: 'process-lost',
    severity: 'warn',
    says: '{value} process(es) vanished within the last quarter of an hour, without saying goodbye.',
    todo: 'See why: out of memory, a crash, a machine that is gone. The last log lines of the process say more.',
    when: { metric: 'tenfold.process.lost', take: 'last', above: 0, over: '2m' },
    keepFiring: '1m',
  },
  {
    name: 'restart-loop',
    severity: 'page',
    says: '{value} processes crashed within the last quarter of an hour.',
    todo: 'Roll back what was deployed last; the log of a process that just died says why.',
    when: { metric: 'tenfold.process.lost', take: 'last', above: 2, over: '2m' },
  },
  {
    name: 'event-loop',
    severity: 'warn',
    says: 'The event loop of process {instance} is busy for {percent} of the time.',
    todo: 'A route or job computes for too long: see its self time in the traces. Move it into a job, or add a process.',
    when: { metric: 'nodejs.eventloop.utilization', take: 'avg', each: ['instance'], above: 0.9, until: 0.8 },
    for: '5m',
  },
  {
    name: 'event-loop-stalled',
    severity: 'warn',
    says: 'The event loop of process {instance} stands still for {value} s at a time.',
    todo: 'Something synchronous takes long: a large JSON, a regular expression, synchronous files or cryptography.',
    when: { metric: 'nodejs.eventloop.delay.p99', take: 'avg', each: ['instance'], above: 0.2, until: 0.1 },
    for: '5m',
  },
  {
    name: 'process-memory',
    severity: 'warn',
    says: 'Process {instance} uses {percent} of the memory that it may have.',
    todo: 'If it only ever grows, it is a leak: take two heap snapshots and compare. Otherwise give it more.',
    when: { metric: 'process.memory.utilization', take: 'last', each: ['instance'], above: 0.85, until: 0.8 },
    for: '10m',
  },
]

const DATABASE: AlertRule[] = [
  {
    name: 'pool-wait',
    severity: 'warn',
    says: '5 % of the statements wait longer than {value} s for a connection.',
    todo: 'See who holds connections: long transactions, slow queries, or a pool that is too small.',
    when: { metric: 'db.client.connection.wait_time', take: 'p95', above: 0.1, until: 0.05, atLeast: 50 },
    for: '5m',
  },
  {
    name: 'database-connections',
    severity: 'warn',
    says: '{percent} of the connections of the database server are in use.',
    todo: 'Fewer connections for each process, or PgBouncer in front.',
    when: { metric: 'tenfold.db.server.connection.utilization', take: 'last', above: 0.8, until: 0.7 },
    for: '2m',
    inhibitedBy: ['database-connections-full'],
  },
  {
    name: 'database-connections-full',
    severity: 'page',
    says: '{percent} of the connections of the database server are in use: soon nobody gets one.',
    todo: 'End idle sessions, stop what is not needed, then see `database-connections`.',
    when: { metric: 'tenfold.db.server.connection.utilization', take: 'last', above: 0.95, until: 0.9 },
    for: '1m',
  },
  {
    name: 'deadlocks',
    severity: 'warn',
    says: '{value} transactions were ended by deadlocks within ten minutes.',
    todo: 'Lock rows in the same order everywhere; the log of the server names the statements.',
    when: { metric: 'tenfold.db.server.deadlocks', take: 'increase', across: 'max', above: 2, over: '10m' },
    keepFiring: '30m',
  },
  {
    name: 'idle-in-transaction',
    severity: 'warn',
    says: 'A transaction has been open for {value} s and does nothing.',
    todo: 'It holds locks and keeps vacuum from its work: find code that awaits something else within a transaction.',
    when: { metric: 'tenfold.db.server.idle_in_transaction', take: 'last', above: 60, over: '2m' },
  },
  {
    name: 'transaction-ids',
    severity: 'ticket',
    says: 'The oldest transaction id is {value} transactions old.',
    todo: 'Vacuum does not keep up: see which tables it has not been to, and what keeps it from them.',
    when: { metric: 'tenfold.db.server.xid_age', take: 'last', above: 500_000_000 },
    for: '1h',
  },
  {
    name: 'replication-slot',
    severity: 'page',
    says: 'The replication slot {slot} keeps {value} GB of log: it will fill the disk.',
    todo: 'Bring back who reads from it, or drop the slot.',
    when: { metric: 'tenfold.db.server.slot.retained', take: 'last', each: ['slot'], above: 10 },
    for: '5m',
  },
  {
    name: 'replica-lag',
    severity: 'warn',
    says: 'A read replica is {value} s behind; reads go to the primary meanwhile.',
    todo: 'Long queries on the replica, or more writes than it can replay.',
    when: { metric: 'tenfold.db.replica.lag', take: 'last', above: 10, until: 5, over: '2m' },
    for: '2m',
  },
  {
    name: 'replica-down',
    severity: 'warn',
    says: 'A read replica cannot be used; the primary has its load.',
    todo: 'See whether it runs, and whether it still replicates.',
    when: { metric: 'tenfold.db.replica.up', take: 'last', across: 'min', below: 1, over: '2m' },
    for: '1m',
  },
]

const WORK: AlertRule[] = [
  {
    name: 'queue-age',
    severity: 'warn',
    says: 'The oldest job of {job} has been waiting for {value} s.',
    todo: 'More workers, or a job that takes too long; see Jobs in the console.',
    when: { metric: 'tenfold.queue.oldest_age', take: 'last', each: ['job'], above: 60, until: 30, over: '2m' },
    for: '5m',
    inhibitedBy: ['queue-stuck'],
  },
  {
    name: 'queue-stuck',
    severity: 'page',
    says: 'The oldest job of {job} has been waiting for {value} s.',
    todo: 'See whether a worker runs at all.',
    when: { metric: 'tenfold.queue.oldest_age', take: 'last', each: ['job'], above: 900, until: 300, over: '2m' },
    for: '5m',
  },
  {
    name: 'dead-letters',
    severity: 'ticket',
    says: '{value} job(s) of {job} failed for good.',
    todo: 'Read their errors in the console, mend the cause, then retry or discard them.',
    when: { metric: 'tenfold.queue.dead', take: 'last', each: ['job'], above: 0, over: '2m' },
  },
  {
    name: 'job-failures',
    severity: 'warn',
    says: '{percent} of the runs of {job} fail.',
    todo: 'Read the errors in the console; they are tried again until their attempts are used up.',
    when: {
      metric: 'tenfold.job.duration',
      take: { share: { outcome: 'failed' } },
      each: ['job'],
      above: 0.2,
      until: 0.1,
      over: '10m',
      atLeast: 20,
    },
    for: '5m',
    keepFiring: '15m',
  },
  {
    name: 'cron-missed',
    severity: 'warn',
    says: 'The cron {cron} has missed {value} of its times since it last ran.',
    todo: 'Crons in the console says why: nobody was there, the run before was not finished, or it failed.',
    when: { metric: 'tenfold.cron.missed', take: 'last', each: ['cron'], above: 0, over: '3m' },
    keepFiring: '1m',
  },
  {
    name: 'backup-missed',
    severity: 'warn',
    says: 'There should be a newer backup than there is.',
    todo: 'Run `tenfold backup list` for the last attempt and its error, then `tenfold backup`.',
    when: { metric: 'tenfold.backup.missed', take: 'last', above: 0 },
    for: '10m',
  },
  {
    name: 'redis-failures',
    severity: 'warn',
    says: 'Redis failed {value} times within five minutes.',
    todo: 'See whether it runs and has memory left; jobs wait in Postgres meanwhile.',
    when: { metric: 'tenfold.redis.failures', take: 'increase', above: 10 },
    for: '2m',
  },
]

const MACHINE: AlertRule[] = [
  {
    name: 'cpu',
    severity: 'warn',
    says: 'The CPUs of the machine of process {instance} are busy for {percent} of the time.',
    todo: 'See who uses them: the app, the database on the same machine, or somebody else.',
    when: { metric: 'system.cpu.utilization', take: 'avg', each: ['instance'], above: 0.9, until: 0.8, over: '10m' },
    for: '5m',
  },
  {
    name: 'memory',
    severity: 'warn',
    says: '{percent} of the memory of the machine of process {instance} is in use.',
    todo: 'What grows? Without memory the kernel ends processes.',
    when: { metric: 'system.memory.utilization', take: 'last', each: ['instance'], above: 0.95, until: 0.9 },
    for: '10m',
  },
  {
    name: 'disk',
    severity: 'ticket',
    says: 'The disk of process {instance} is {percent} full.',
    todo: 'Remove what is not needed, or grow the disk; see what grows.',
    when: { metric: 'system.filesystem.utilization', take: 'last', each: ['instance'], above: 0.85, until: 0.8 },
    for: '10m',
    inhibitedBy: ['disk-full'],
  },
  {
    name: 'disk-full',
    severity: 'page',
    says: 'The disk of process {instance} is {percent} full: soon nothing can be written.',
    todo: 'Make room at once. A database on this disk stops when it is full.',
    when: { metric: 'system.filesystem.utilization', take: 'last', each: ['instance'], above: 0.95, until: 0.9 },
    for: '2m',
  },
  {
    name: 'disk-fills',
    severity: 'page',
    says: 'The disk of process {instance} is full in {value} hours, if it fills as it did.',
    todo: 'See what grows, and stop it or make room: a database on this disk stops when it is full.',
    when: { metric: 'tenfold.disk.full_in', take: 'last', each: ['instance'], across: 'min', below: 4, until: 8 },
    for: '10m',
    inhibitedBy: ['disk-full'],
  },
  {
    name: 'disk-fills-slowly',
    severity: 'ticket',
    says: 'The disk of process {instance} is full in {value} hours, if it fills as it did.',
    todo: 'See what grows: old backups, logs, or a table that wants a retention. Or grow the disk.',
    when: { metric: 'tenfold.disk.full_in', take: 'last', each: ['instance'], across: 'min', below: 168 },
    for: '6h',
    inhibitedBy: ['disk-full', 'disk-fills', 'disk'],
  },
  {
    name: 'certificate',
    severity: 'ticket',
    says: 'The certificate of {host} ends in {value} days.',
    todo: 'Renewal has failed or is not there: see the log of the program that renews it.',
    when: { metric: 'tenfold.certificate.days', take: 'last', across: 'min', each: ['host'], below: 14, over: '15m' },
    for: '30m',
  },
]

const ADVICE: AlertRule = {
  name: 'advice',
  severity: 'ticket',
  says: 'Advice: {says}',
  todo: 'Advice in the console, or `tenfold advise`, has the evidence, the step to take, and the way back.',
  when: { advice: 'high' },
  for: '5m',
  keepFiring: '30m',
  once: true,
}

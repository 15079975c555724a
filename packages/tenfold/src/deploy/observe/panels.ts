/** What the dashboard shows, row by row: first what users feel, then what may be the reason for it. */
import type { Stage } from '../deploy.ts'

export interface Row {
  title: string
  panels: readonly Panel[]
}

export interface Panel {
  title: string
  about: string
  /** As Grafana names units: `reqps`, `s`, `percentunit`, `bytes`, `short`, `ops`. */
  unit: string
  queries: readonly Query[]
  /** The first stage at which there is something to show. Defaults to 1. */
  from?: Stage
  /** Areas on top of each other: what they add up to counts. */
  stacked?: true
}

export interface Query {
  /** PromQL, with `$__rate_interval` where Grafana is to choose. */
  expr: string
  /** What a line is called; labels in double braces. */
  legend: string
}

/** @param only labels that every series has to have, such as `namespace="shop"`; empty: all are of this app */
export function rowsOf(only: string): Row[] {
  const one = (expr: string, legend: string): Query[] => [{ expr, legend }]
  const m = (name: string, labels = ''): string => {
    const all = [only, labels].filter((part) => part !== '').join(', ')
    return all === '' ? name : `${name}{${all}}`
  }
  const rate = (name: string, labels?: string): string => `rate(${m(name, labels)}[$__rate_interval])`
  const quantile = (q: number, histogram: string, by = ''): string =>
    `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (${rate(`${histogram}_bucket`)}))`
  const REQUESTS = 'http_server_request_duration_seconds'

  return [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests',
          about: 'In a second, by the class of their status.',
          unit: 'reqps',
          stacked: true,
          queries: one(
            `sum by (http_response_status_class) (${rate(`${REQUESTS}_count`)})`,
            '{{http_response_status_class}}',
          ),
        },
        {
          title: 'Failed',
          about: 'The share that was answered with 5xx.',
          unit: 'percentunit',
          queries: one(
            `(sum(${rate(`${REQUESTS}_count`, 'http_response_status_class="5xx"')}) or 0 * sum(${rate(`${REQUESTS}_count`)})) / sum(${rate(`${REQUESTS}_count`)})`,
            'failed',
          ),
        },
        {
          title: 'How long they take',
          about: 'Half of them, all but one in twenty, all but one in a hundred.',
          unit: 's',
          queries: [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, REQUESTS), legend: `p${q * 100}` })),
        },
        {
          title: 'Slowest routes',
          about: 'The ten whose p95 is highest.',
          unit: 's',
          queries: one(
            `topk(10, ${quantile(0.95, REQUESTS, 'http_request_method, http_route')})`,
            '{{http_request_method}} {{http_route}}',
          ),
        },
        {
          title: 'Where the time goes',
          about: 'Seconds of requests in a second, for the ten routes that take most of them.',
          unit: 's',
          stacked: true,
          queries: one(
            `topk(10, sum by (http_request_method, http_route) (${rate(`${REQUESTS}_sum`)}))`,
            '{{http_request_method}} {{http_route}}',
          ),
        },
        {
          title: 'At once',
          about: 'Requests that are being answered, that wait for a place, and how many places there are.',
          unit: 'short',
          queries: [
            { expr: `sum(${m('http_server_active_requests')})`, legend: 'answered' },
            { expr: `sum(${m('tenfold_http_waiting')})`, legend: 'waiting' },
            { expr: `sum(${m('tenfold_http_concurrency_limit')})`, legend: 'places' },
          ],
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'Event loop',
          about: 'How busy. Above 0.7, a process answers late when one more request comes.',
          unit: 'percentunit',
          queries: one(m('nodejs_eventloop_utilization_ratio'), '{{instance}}'),
        },
        {
          title: 'Event loop, late by',
          about: 'p99 of how long something that was due had to wait.',
          unit: 's',
          queries: one(m('nodejs_eventloop_delay_p99_seconds'), '{{instance}}'),
        },
        {
          title: 'Memory',
          about: 'Of what the process may have. What only ever grows is a leak.',
          unit: 'percentunit',
          queries: one(m('process_memory_utilization_ratio'), '{{instance}}'),
        },
        {
          title: 'Processor',
          about: 'Cores in use.',
          unit: 'short',
          queries: one(`sum by (instance) (${rate('process_cpu_time_seconds_total')})`, '{{instance}}'),
        },
        {
          title: 'Garbage collection',
          about: 'The share of the time that it takes.',
          unit: 'percentunit',
          queries: one(`sum by (instance) (${rate('v8js_gc_duration_seconds_sum')})`, '{{instance}}'),
        },
        {
          title: 'Lost',
          about: 'Processes that vanished within a quarter of an hour, without saying goodbye.',
          unit: 'short',
          queries: one(`max(${m('tenfold_process_lost')})`, 'lost'),
        },
      ],
    },
    {
      title: 'Database',
      panels: [
        {
          title: 'Statements',
          about: 'In a second, by module.',
          unit: 'ops',
          stacked: true,
          queries: one(`sum by (module) (${rate('db_client_operation_duration_seconds_count')})`, '{{module}}'),
        },
        {
          title: 'How long they take',
          about: 'p95 by module.',
          unit: 's',
          queries: one(quantile(0.95, 'db_client_operation_duration_seconds', 'module'), '{{module}}'),
        },
        {
          title: 'Waiting for a connection',
          about: 'p95. The pool is too small, or somebody keeps connections for long.',
          unit: 's',
          queries: one(quantile(0.95, 'db_client_connection_wait_time_seconds'), 'p95'),
        },
        {
          title: 'Connections of the app',
          about: 'In use, idle, and statements that wait for one.',
          unit: 'short',
          queries: [
            { expr: `sum by (state) (${m('db_client_connection')})`, legend: '{{state}}' },
            { expr: `sum(${m('db_client_connection_pending_requests')})`, legend: 'waiting' },
          ],
        },
        {
          title: 'Connections of the server',
          about: 'In use, of those that it allows.',
          unit: 'percentunit',
          queries: one(`max(${m('tenfold_db_server_connection_utilization_ratio')})`, 'in use'),
        },
        {
          title: 'Size',
          about: 'Of the database, on disk.',
          unit: 'bytes',
          queries: one(`max(${m('tenfold_db_server_size_bytes')})`, 'size'),
        },
        {
          title: 'Idle in a transaction',
          about: 'The longest: it holds its locks, and keeps dead rows from being cleared away.',
          unit: 's',
          queries: one(`max(${m('tenfold_db_server_idle_in_transaction_seconds')})`, 'longest'),
        },
        {
          title: 'Deadlocks',
          about: 'In a second.',
          unit: 'ops',
          queries: one(`max(${rate('tenfold_db_server_deadlocks_total')})`, 'deadlocks'),
        },
        {
          title: 'Replicas, behind by',
          about: 'One that is too far behind is left out of reads by itself.',
          unit: 's',
          from: 4,
          queries: one(`max by (replica) (${m('tenfold_db_replica_lag_seconds')})`, '{{replica}}'),
        },
      ],
    },
    {
      title: 'Jobs and crons',
      panels: [
        {
          title: 'Waiting jobs',
          about: 'That could run now, by job.',
          unit: 'short',
          stacked: true,
          queries: one(`max by (job) (${m('tenfold_queue_depth', 'state="waiting"')})`, '{{job}}'),
        },
        {
          title: 'The oldest waits for',
          about: 'By job. What grows without end needs more workers.',
          unit: 's',
          queries: one(`max by (job) (${m('tenfold_queue_oldest_age_seconds')})`, '{{job}}'),
        },
        {
          title: 'Finished jobs',
          about: 'In a second, by outcome.',
          unit: 'ops',
          stacked: true,
          queries: one(`sum by (outcome) (${rate('tenfold_job_duration_seconds_count')})`, '{{outcome}}'),
        },
        {
          title: 'Busy workers',
          about: 'Jobs that run at once, by job.',
          unit: 'short',
          stacked: true,
          queries: one(`sum by (job) (${rate('tenfold_job_duration_seconds_sum')})`, '{{job}}'),
        },
        {
          title: 'How long they take',
          about: 'p95 by job.',
          unit: 's',
          queries: one(quantile(0.95, 'tenfold_job_duration_seconds', 'job'), '{{job}}'),
        },
        {
          title: 'Given up',
          about: 'Jobs whose last attempt failed.',
          unit: 'short',
          queries: one(`max by (job) (${m('tenfold_queue_dead')})`, '{{job}}'),
        },
        {
          title: 'Crons that were due and did not run',
          about: 'Ticks, by cron.',
          unit: 'short',
          queries: one(`max by (cron) (${m('tenfold_cron_missed')})`, '{{cron}}'),
        },
      ],
    },
    {
      title: 'Caches, limits and other services',
      panels: [
        {
          title: 'Cache hits',
          about: 'The share, by cache: in memory or where instances share values.',
          unit: 'percentunit',
          queries: one(
            `1 - sum by (cache) (${rate('tenfold_cache_loads_total')}) / (sum by (cache) (${rate('tenfold_cache_hits_total')}) + sum by (cache) (${rate('tenfold_cache_misses_total')}))`,
            '{{cache}}',
          ),
        },
        {
          title: 'Refused by limits',
          about: 'Requests in a second.',
          unit: 'reqps',
          queries: one(
            `sum by (limiter) (${rate('tenfold_limit_decisions_total', 'outcome="refused"')})`,
            '{{limiter}}',
          ),
        },
        {
          title: 'Calls to other services',
          about: 'p95 by service.',
          unit: 's',
          queries: one(quantile(0.95, 'http_client_request_duration_seconds', 'server_address'), '{{server_address}}'),
        },
        {
          title: 'Redis fails',
          about: 'Calls in a second that were answered without it.',
          unit: 'ops',
          from: 5,
          queries: one(`sum(${rate('tenfold_redis_failures_total')})`, 'failures'),
        },
      ],
    },
    {
      title: 'Machines',
      panels: [
        {
          title: 'Processor',
          about: 'In use, of all cores.',
          unit: 'percentunit',
          queries: one(m('system_cpu_utilization_ratio'), '{{instance}}'),
        },
        {
          title: 'Memory',
          about: 'In use, with caches counted as free.',
          unit: 'percentunit',
          queries: one(m('system_memory_utilization_ratio'), '{{instance}}'),
        },
        {
          title: 'Disk',
          about: 'In use.',
          unit: 'percentunit',
          queries: one(m('system_filesystem_utilization_ratio'), '{{instance}}'),
        },
      ],
    },
  ]
}
